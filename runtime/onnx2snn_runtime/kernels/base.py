"""What a kernel is: the scan of one population over a chunk of time, with the name of its dynamics."""

from typing import ClassVar, NamedTuple, Protocol

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.kernels.chunks import at
from onnx2snn_runtime.registry import Registry

Clamp = tuple[float, float]
"""A function clip(x, low, high) that a kernel computes on the way: -inf and inf for an open side."""


class Scanned(NamedTuple):
    """What a scan gives: the estimates [n, ...] after each step, the events of each, int64 [T], and the last state.

    Of T steps n >= 1 are in `values`; the last of them stands for the steps that follow, in which nothing moved.
    """

    values: Tensor
    events: Tensor
    state: State
    still: bool = False
    """Whether nothing moved, and nothing will while the target stands as it does at the end of the chunk."""


class Kernel(Protocol):
    """A scan, equal to T steps of its dynamics: estimates, events and the state after them."""

    narrows: ClassVar[bool]
    """Whether it takes targets in half precision as they are, and can give estimates in half precision."""

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
        """Return what `steps` steps make of `state`, the first of which is step `t`; `state` is left as it is.

        `target` is [1 to steps, ...], its last row what it is from there on: f(x), or the input x of the rectifier for
        dynamics that rectify. With `clamp` it is clip(target, low, high) instead.
        A kernel that narrows gives the estimates in the type `narrow`; the state stays as wide as it was.
        """
        ...


KERNELS: Registry[type[Kernel]] = Registry("kernel", "onnx2snn_runtime.kernels")


def available() -> dict[str, str | None]:
    """Return every kernel by name, with why it cannot run on this machine: None for one that can."""
    return {name: KERNELS[name]().missing() for name in KERNELS}


def find_kernel(dynamics: Dynamics, target: Tensor) -> Kernel | None:
    """Return the kernel that scans `dynamics` on the device of `target`, None where there is none."""
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
    """Return the states and spikes of `steps` steps of `dynamics`, the first of which is step `t`."""
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
    """Return what `Kernel.scan` gives: by a kernel where there is one, in the type `narrow` if it narrows, or by steps.

    `target` may be of another type than the state: it is converted for those that do not take it as it is.
    """
    kernel = find_kernel(dynamics, target)
    if target.dtype != state.v.dtype and (kernel is None or not kernel.narrows):
        target = target.to(state.v.dtype)
        kernel = find_kernel(dynamics, target)
    if kernel is not None:
        return kernel.scan(dynamics, target, state, steps, t, neuron, clamp, narrow if kernel.narrows else None)
    aim = target.clamp(*clamp) if clamp else target
    states, spikes = scan_by_steps(dynamics, aim, state, steps, t, neuron)
    events = torch.stack([torch.count_nonzero(spike) for spike in spikes])
    return Scanned(torch.stack([after.v for after in states]), events, states[-1])
