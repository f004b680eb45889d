"""The interface of dynamics: frozen parameters, `init`, a pure `step`, and the decoder of the spikes.

A population keeps an estimate `v` of its function `f(x)`. At time step t it compares `v` with the target `f(x(t))`,
sends a spike and updates `v`. The decoder of a receiver turns the currents that the spikes cause into the change of its
input. It is a linear filter, so that `x(t) = L(v(t))` holds although `v` itself is never sent.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import torch

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.optimizers.base import OPTIMIZERS
from onnx2snn_runtime.registry import Registry
from onnx2snn_runtime.schedules.base import Schedule, construct

Tensor = torch.Tensor
Momentum = tuple[Tensor, ...]


class State(NamedTuple):
    """The state of a population: its estimate `v`, the dynamics' own memory, and the decoder's momentum.

    `v` and `momentum` depend on the spikes only, so a receiver can compute both for its currents.
    """

    v: Tensor
    memory: tuple[Tensor, ...] = ()
    momentum: Momentum = ()


class Neuron(NamedTuple):
    """The parameters of a population that its dynamics depends on.

    scale     a number, or a tensor that broadcasts to the output without its batch axis
    sources   the number of spiking inputs
    levels    the exponents of a graded spike, mantissa its mantissa bits
    ceiling   c, if the population computes clip(x, 0, c)
    stream    the index of the random number stream of an encoder
    onset     the time steps that go by before it begins (ternary spikes)
    dead_zone corrections of a magnitude below dead_zone * scale are not sent (differential and ternary spikes)
    gradual   whether small graded spikes are multiples of the smallest
    """

    scale: Tensor | float
    sources: int = 1
    levels: int = 12
    mantissa: int = 1
    ceiling: float = float("inf")
    stream: int = 0
    onset: int = 0
    dead_zone: float = 0.0
    gradual: bool = False

    def threshold(self, factor: float = 1.0) -> Tensor | float:
        """Return factor * scale, but not more than the ceiling."""
        theta = self.scale * factor
        return theta.clamp(max=self.ceiling) if isinstance(theta, Tensor) else min(theta, self.ceiling)


def check_dead_zone(value: object) -> None:
    """Raise InputError unless `value` is None or a finite share of a scale, 0 or more."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and 0 <= float(value) < math.inf):  # type: ignore[arg-type]
        raise InputError(f"the dead zone is {value!r}: give a share of the scale, 0 or more")


class Wire(NamedTuple):
    """What a spike of one step carries.

    `bits` are those of its payload. `mantissa` are the bits behind the leading one of payload / `unit`, 0 for a
    payload of +-`unit` alone, None for one that is a real number. A receiver has `unit` folded into its weights.
    """

    bits: int = 32
    mantissa: int | None = None
    unit: Tensor | float = 1.0


def wire_of(sender: object, t: int, neuron: Neuron) -> Wire:
    """Return what a spike of `sender`, a dynamics or an encoder, carries at step `t`: a real number if it is silent."""
    known = getattr(sender, "wire", None)
    wire: Wire = known(t, neuron) if known else Wire()
    return wire


class Dynamics(Protocol):
    """The interface of a dynamics; implementations are frozen dataclasses registered in DYNAMICS."""

    rectifies: ClassVar[bool]
    """Whether it can express only ReLU and clipped ReLU: its target is then their input x instead of f(x)."""

    @property
    def settles(self) -> bool:
        """Whether a silent population stays silent while its input is constant."""
        ...

    @property
    def payload(self) -> str:
        """What is sent: the "change" of v (decoders add up), a "gradient", or a "value" (decoders average)."""
        ...

    def init(self, like: Tensor) -> State:
        """Return the state before the first step, shaped like `like`; v is zero."""
        ...

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the state after step t >= 1 towards `target`, and the spike (0: silence)."""
        ...

    def decode(self, memory: Momentum, decoded: Tensor, current: Tensor, t: int) -> tuple[Momentum, Tensor]:
        """Return the receiver's memory and the decoded change of its input since t = 0, given step t's current."""
        ...

    def largest_spike(self, neuron: Neuron) -> Tensor | float | None:
        """Return the largest magnitude of a spike, where an estimate is said to be beyond its scale, or None."""
        ...

    def unsaid(self, neuron: Neuron) -> Tensor | float | None:
        """Return the largest error that is never sent, however long a run is, or None where there is none."""
        ...

    def bias(self, t: int) -> float:
        """Return the fraction of the bias L(0) that a decoded output contains after step t."""
        ...


class Accumulating:
    """Base class of dynamics whose decoder accumulates: the spike is the change of v itself."""

    settles: ClassVar[bool] = False
    rectifies: ClassVar[bool] = False
    payload: ClassVar[str] = "change"

    def init(self, like: Tensor) -> State:
        """Return v = 0."""
        return State(like.new_zeros(()).expand(like.shape))

    def decode(self, memory: Momentum, decoded: Tensor, current: Tensor, t: int) -> tuple[Momentum, Tensor]:
        """Return the memory as it was, and decoded + current."""
        return memory, decoded + current

    def largest_spike(self, neuron: Neuron) -> Tensor | float | None:
        """Return None: it is that of the step size, or has no bound."""
        return None

    def unsaid(self, neuron: Neuron) -> Tensor | float | None:
        """Return None: every error is worked on."""
        return None

    def bias(self, t: int) -> float:
        """Return 1: the bias is there from the start."""
        return 1.0


DYNAMICS: Registry[type[Dynamics]] = Registry("dynamics", "onnx2snn_runtime.dynamics")


def make_dynamics(name: str, schedule: Schedule | None = None, options: Mapping[str, Any] | None = None) -> Dynamics:
    """Return the dynamics `name` with `options`, and with `schedule` if it takes one (None: its default).

    The options of an optimizer are given among those of its dynamics: optimizer="sgd", momentum=0.5.
    """
    cls, own, what = DYNAMICS[name], dict(options or {}), f"dynamics {name!r}"
    fields = getattr(cls, "__dataclass_fields__", {})
    given: dict[str, Any] = {}
    if "schedule" in fields:
        given["schedule"] = fields["schedule"].default_factory() if schedule is None else schedule
    if "optimizer" in fields:
        chosen = own.pop("optimizer", "sgd")
        given["optimizer"] = construct(OPTIMIZERS[chosen], f"{what} with the optimizer {chosen!r}", own)
        own = {}
    dynamics: Dynamics = construct(cls, what, own, **given)
    return dynamics
