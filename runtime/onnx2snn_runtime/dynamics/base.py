"""What a dynamics is: frozen parameters, `init`, and a pure `step`; and the decoder of its spikes.

A population keeps `v`, its estimate of `f(x)`. At time step t it compares `v` with the target `f(x(t))`, sends a spike,
and moves `v`. Downstream, the decoder turns the currents that the spikes cause into the change of the input: a linear
filter, so that `x(t) = L(v(t))` holds without `v` ever being sent.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import torch

from onnx2snn_runtime.registry import Registry
from onnx2snn_runtime.schedules.base import Schedule, construct

Tensor = torch.Tensor


class State(NamedTuple):
    """The state of a population: its estimate `v`, and what the dynamics keeps beside it (shaped alike)."""

    v: Tensor
    memory: tuple[Tensor, ...] = ()


class Neuron(NamedTuple):
    """What a dynamics may know of the population it moves: its scale, its own levels and its number of sources."""

    scale: Tensor
    sources: int = 1
    levels: int = 12
    mantissa: int = 1


class Dynamics(Protocol):
    """The interface of a dynamics; implementations are frozen dataclasses registered in DYNAMICS."""

    settles: ClassVar[bool]
    """Whether silence means that nothing will move again while the input stands still."""

    def init(self, like: Tensor) -> State:
        """Return the state before the first step, shaped like `like`."""
        ...

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the state after step t >= 1 towards `target`, and the spike that is sent (0: silence)."""
        ...

    def decode(self, memory: tuple[Tensor, ...], decoded: Tensor, current: Tensor, t: int) -> tuple[Any, Tensor]:
        """Return the receiver's memory and the decoded change of its input since t = 0, given step t's current."""
        ...


class Accumulating:
    """A decoder that adds up: the spike is the change of v itself."""

    settles: ClassVar[bool] = False

    def init(self, like: Tensor) -> State:
        """Return v = 0."""
        return State(torch.zeros_like(like))

    def decode(
        self, memory: tuple[Tensor, ...], decoded: Tensor, current: Tensor, t: int
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the memory as it was, and decoded + current."""
        return memory, decoded + current


DYNAMICS: Registry[type[Dynamics]] = Registry("dynamics", "onnx2snn_runtime.dynamics")


def make_dynamics(name: str, schedule: Schedule, options: Mapping[str, Any] | None = None) -> Dynamics:
    """Return the dynamics `name` with `options`, and with `schedule` where it takes one."""
    cls = DYNAMICS[name]
    scheduled = {"schedule": schedule} if "schedule" in getattr(cls, "__dataclass_fields__", {}) else {}
    dynamics: Dynamics = construct(cls, f"dynamics {name!r}", {**scheduled, **(options or {})})
    return dynamics
