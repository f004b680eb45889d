"""The interface of kernels, which scan one population over a chunk of time steps, and their registry."""

from typing import ClassVar, NamedTuple, Protocol

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.kernels.chunks import at
from onnx2snn_runtime.registry import Registry

Clamp = tuple[float, float]
"""The bounds of a clip(x, low, high) that a kernel applies to its target: -inf and inf for an open side."""


class Scanned(NamedTuple):
    """The result of a scan of T steps: estimates [n, ...] after each step, events per step, int64 [T], the last state.

    `values` may have fewer rows than steps, 1 <= n <= T: the last row is the estimate of all later, silent steps.
    """

    values: Tensor
    events: Tensor
    state: State
    settled: bool = False
    """Whether no neuron fired in the chunk, and none will while the target stays as it is at the end of the chunk."""


class Kernel(Protocol):
    """Computes a scan, with the same results as T steps of the dynamics: estimates, events and the last state."""

    narrows: ClassVar[bool]
    """Whether targets and estimates may be in half precision."""

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        ...

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        ...

    def scan(
        self,
        dynamics: Dynamics,
        target: Tensor,
        state: State,
        steps: int,
        t: int,
        neuron: Neuron,
        clamp: Clamp | None,
        narrow: torch.dtype | None = None,
    ) -> Scanned:
        """Run `steps` time steps from `state`, the first of which is step `t`; `state` is not modified.

        `target` is [n, ...] with 1 <= n <= steps, its last row the target of all later steps: f(x), or the input x of
        the rectifier for dynamics that rectify. With `clamp` the target is clip(target, low, high) instead.
        A kernel that narrows returns the estimates in the dtype `narrow`; the dtype of the state does not change.
        """
        ...


KERNELS: Registry[type[Kernel]] = Registry("kernel", "onnx2snn_runtime.kernels")


def available() -> dict[str, str | None]:
    """Return all kernels by name, with the reason why one cannot run on this machine, None if it can."""
    return {name: KERNELS[name]().missing() for name in KERNELS}


def find_kernel(dynamics: Dynamics, target: Tensor) -> Kernel | None:
    """Return the kernel that scans `dynamics` on the device of `target`, None if there is none."""
    for name in KERNELS:
        kernel = KERNELS[name]()
        if kernel.fits(dynamics, target):
            return kernel
    return None


class Stepping(Protocol):
    """A dynamics or an encoder."""

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the state after step t >= 1 towards `target`, and the spike that is sent (0: silence)."""
        ...


def scan_by_steps(
    dynamics: Stepping, target: Tensor, state: State, steps: int, t: int, neuron: Neuron
) -> tuple[list[State], list[Tensor]]:
    """Return the states and spikes of `steps` calls of `dynamics.step`, the first of which is step `t`."""
    states: list[State] = []
    spikes: list[Tensor] = []
    for i in range(steps):
        state, spike = dynamics.step(state, at(target, i), t + i, neuron)
        states.append(state)
        spikes.append(spike)
    return states, spikes


def scan(
    dynamics: Dynamics,
    target: Tensor,
    state: State,
    steps: int,
    t: int,
    neuron: Neuron,
    clamp: Clamp | None,
    narrow: torch.dtype | None,
) -> Scanned:
    """Scan with a kernel if there is one, in the dtype `narrow` if it narrows, else step by step: see `Kernel.scan`.

    `target` may have another dtype than the state: it is converted if the kernel does not support it.
    """
    kernel = find_kernel(dynamics, target)
    if target.dtype != state.v.dtype and (kernel is None or not kernel.narrows):
        target = target.to(state.v.dtype)
        kernel = find_kernel(dynamics, target)
    if kernel is not None:
        return kernel.scan(dynamics, target, state, steps, t, neuron, clamp, narrow if kernel.narrows else None)
    target = target.clamp(*clamp) if clamp else target
    states, spikes = scan_by_steps(dynamics, target, state, steps, t, neuron)
    events = torch.stack([torch.count_nonzero(spike) for spike in spikes])
    return Scanned(torch.stack([after.v for after in states]), events, states[-1])
