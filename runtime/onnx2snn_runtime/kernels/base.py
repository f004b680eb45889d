"""What a kernel is: the scan of one population over a chunk of time, with the name of its dynamics."""

from typing import ClassVar, NamedTuple, Protocol

import torch

from onnx2snn_runtime.chunks import at
from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.registry import Registry

Clamp = tuple[float, float]
"""A function clip(x, low, high) that a kernel computes on the way: -inf and inf for an open side."""


class Scanned(NamedTuple):
    """What a scan gives: the estimates [n, ...] after each step, the events of each step, int64 [T], and the last v.

    Of T steps n >= 1 are in `values`; the last of them stands for the steps that follow, in which nothing moved.
    """

    values: Tensor
    events: Tensor
    v: Tensor


class Kernel(Protocol):
    """A scan, equal to T steps of its dynamics; only for dynamics whose state is `v` alone."""

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
        v: Tensor,
        steps: int,
        t: int,
        neuron: Neuron,
        clamp: Clamp | None,
        narrow: torch.dtype | None = None,
    ) -> Scanned:
        """Return the estimates after each of `steps` steps, the first of which is step `t`, from `v`.

        `target` is [1 to steps, ...], its last row stands for what follows; with `clamp` it is clip(target, low, high).
        A kernel that narrows gives the estimates in the type `narrow`; the last v is always as wide as `v`.
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
    states, spikes = [], []
    for i in range(steps):
        state, spike = dynamics.step(state, at(target, i), t + i, neuron)
        states.append(state)
        spikes.append(spike)
    return states, spikes
