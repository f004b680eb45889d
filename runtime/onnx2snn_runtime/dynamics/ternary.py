"""One-bit corrections that may stay silent: a spike is -1, 0 or 1 times a step size that a whole population shares."""

from dataclasses import dataclass, field

import torch

from onnx2snn_runtime.dynamics.base import DYNAMICS, Accumulating, Neuron, State, Tensor, Wire, check_dead_zone
from onnx2snn_runtime.dynamics.differential import bounded, with_nan
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.base import Schedule
from onnx2snn_runtime.schedules.exponential import Exponential


def _falling() -> Schedule:
    return Exponential(0.7, 0.75)


@DYNAMICS.register("ternary")
@dataclass(frozen=True)
class Ternary(Accumulating):
    """e = f(x) - v; s = eta(t) scale sign(e) where |e| > zone eta(t) scale, else 0; v <- v + s, with v(0) = 0.

    Sign gradient descent with a dead zone: with a `zone` of 1/2 a step is made only where it brings the estimate
    nearer. The step size is the schedule's (0.7 * 0.75^(t-1) unless one is chosen), so what travels is -1, 0 or 1; it
    adds up to at most scale (eta(1) + eta(2) + ...). For a constant target eta(t) = 3^(1-t) writes balanced
    ternary digits, the fewest steps there are; targets that move while the layers before settle need a slower decay.
    A scale of 0 or a step size of 0 says nothing, and neither does a correction below the neuron's own dead zone, which
    `dead_zone` overrides for all. Source of the neuron without a dead zone: arXiv 2407.01645.
    """

    zone: float = 0.5
    schedule: Schedule = field(default_factory=_falling)
    dead_zone: float | None = None

    def __post_init__(self) -> None:
        check_dead_zone(self.dead_zone)
        if not 0 < self.zone < 1:
            raise InputError(
                f"the dead zone of a ternary spike is {self.zone!r}: give a share of a step, above 0, below 1"
            )

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return one bit, the sign of the step at t."""
        return Wire(1, 0, neuron.scale * self.eta(t, neuron))

    def eta(self, t: int, neuron: Neuron) -> float:
        """Return the step size of the population at step t, in units of its scale."""
        return self.schedule(t - neuron.onset) if t > neuron.onset else 0.0

    def least(self, neuron: Neuron) -> float:
        """Return the dead zone of `neuron` in units of its scale."""
        return neuron.dead_zone if self.dead_zone is None else self.dead_zone

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return v + s and s; an infinite target counts as +-scale, and NaN is sent once: see `with_nan`."""
        move = self.eta(t, neuron) * neuron.scale
        error = bounded(target, neuron.scale) - state.v
        size, least = error.abs(), self.least(neuron) * neuron.scale
        spike = (torch.sign(error) * move).masked_fill_(size <= move * self.zone, 0.0)
        bound = torch.full((), least, dtype=size.dtype, device=size.device) if isinstance(least, float) else least
        spike.masked_fill_(size < bound, 0.0)
        spike = with_nan(spike, error, target, state.v)
        return State(state.v + spike), spike
