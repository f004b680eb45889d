"""The interface of kernels, which scan one population over a chunk of time steps, and their registry."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.kernels.chunks import at
from onnx2snn_runtime.kernels.pointwise import Pointwise
from onnx2snn_runtime.kernels.tallied import Tallied
from onnx2snn_runtime.registry import Registry

Clamp = tuple[float, float]
"""The bounds of a clip(x, low, high) that a kernel applies to its target: -inf and inf for an open side."""


class Ask(NamedTuple):
    """What else is asked of a scan: see `Kernel.scan`."""

    clamp: Clamp | None = None
    narrow: torch.dtype | None = None
    function: Pointwise | None = None
    spare: Sequence[int] = ()
    tallied: Tallied | None = None
    sends: bool = False


class Scanned(NamedTuple):
    """The result of a scan of T steps: estimates [n, ...] after each step, events per step, int64 [T], the last state.

    `values` may have fewer rows than steps, 1 <= n <= T: the last row is the estimate of all later, silent steps.
    """

    values: Tensor
    events: Tensor
    state: State
    settled: bool = False
    """Whether no neuron fired in the chunk, and none will while the target stays as it is at the end of the chunk."""

    peak: float | None = None
    """The largest magnitude of the last estimates where the kernel knows it; NaN does not count."""

    sums: Tensor | None = None
    """What was `tallied` where the kernel was asked to, int64 [patterns, T, 5]: see scan.c."""

    sent: Tensor | None = None
    """The spikes [T, ...] where the kernel was asked for them."""


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


class FunctionKernel(Kernel, Protocol):
    """A kernel that computes pointwise functions on the way, where `computes` says so.

    Its `scan` takes a `function`: the target is what that makes of `target`, its first source, and of the others; and
    `spare`, the indices of sources that may be overwritten. Such a kernel also tallies what it sends, and gives it.
    """

    def computes(self) -> bool:
        """Return whether `scan` takes a function here."""
        ...


def computes(kernel: Kernel | None) -> bool:
    """Return whether `kernel` computes pointwise functions here."""
    asked = getattr(kernel, "computes", None)
    return asked is not None and bool(asked())


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
    function: Pointwise | None = None,
    spare: Sequence[int] = (),
    kernel: Kernel | None = None,
    tallied: Tallied | None = None,
    sends: bool = False,
) -> Scanned:
    """Scan with `kernel` or another, in the dtype `narrow` if it narrows, else step by step: see `Kernel.scan`.

    A `function` is given only where the kernel `computes` one, see `FunctionKernel`, and spikes are `tallied`, or
    returned (`sends`), where it does so. `target` may have another dtype
    than the state: it is converted if the kernel does not support it.
    """
    kernel = kernel or find_kernel(dynamics, target)
    if target.dtype != state.v.dtype and (kernel is None or not kernel.narrows):
        target = target.to(state.v.dtype)
        kernel = find_kernel(dynamics, target)
    if kernel is not None:
        more: dict[str, Any] = {} if function is None else {"function": function, "spare": spare}
        more |= {"tallied": tallied, "sends": sends} if tallied or sends else {}
        return kernel.scan(dynamics, target, state, steps, t, neuron, clamp, narrow if kernel.narrows else None, **more)
    target = target.clamp(*clamp) if clamp else target
    states, spikes = scan_by_steps(dynamics, target, state, steps, t, neuron)
    events = torch.stack([torch.count_nonzero(spike) for spike in spikes])
    return Scanned(torch.stack([after.v for after in states]), events, states[-1])
