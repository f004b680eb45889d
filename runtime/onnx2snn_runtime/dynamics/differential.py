"""Graded corrections: a spike is a small float, and silence means that the estimate is good enough."""

import math
from dataclasses import dataclass

import torch

from onnx2snn_runtime.dynamics.base import DYNAMICS, Accumulating, Neuron, State, Tensor, Wire, check_dead_zone
from onnx2snn_runtime.errors import InputError

MOST_COARSE = 20
"""Octaves: 2^20 dead zones."""


@DYNAMICS.register("differential")
@dataclass(frozen=True)
class Differential(Accumulating):
    """e = f(x) - v; s = quantise(e); v <- v + s, with v(0) = 0 and v(t) within [-2, 2] scale.

    `levels`, `mantissa`, `dead_zone` and `gradual` override those of every population. Related: multi-threshold neurons
    and differential coding (ICML 2025), the graded spikes of Loihi 2. Annealed (an option above 0), step t has no
    more than annealed + (t - 1) rise levels: small corrections wait until the coarse ones are made. With `coarse`,
    octaves, the least spike and the dead zone are 2^coarse times as large; large spikes are as they are.
    """

    levels: int | None = None
    mantissa: int | None = None
    annealed: int = 0
    rise: int = 2
    dead_zone: float | None = None
    gradual: bool | None = None
    coarse: int = 0

    def __post_init__(self) -> None:
        for name, value, least, most in (("levels", self.levels, 1, 100), ("mantissa", self.mantissa, 0, 52)):
            if value is not None and not (isinstance(value, int) and least <= value <= most):
                raise InputError(f"the {name} of a graded spike are {value!r}: give {least} to {most}")
        check_dead_zone(self.dead_zone)
        if self.gradual is not None and not isinstance(self.gradual, bool):
            raise InputError(f"gradual is {self.gradual!r}: give True, False or None (each population's own)")
        if not isinstance(self.coarse, int) or isinstance(self.coarse, bool) or not 0 <= self.coarse <= MOST_COARSE:
            raise InputError(f"coarse is {self.coarse!r}: give the octaves of a dead zone, 0 to {MOST_COARSE}")
        if self.annealed < 0 or self.rise < 1:
            raise InputError(
                f"the levels start at {self.annealed} and rise by {self.rise} a step: give 0 (all at once) or more, "
                "and a rise of 1 or more"
            )

    @property
    def settles(self) -> bool:  # type: ignore[override]
        """Whether silence lasts: not while levels are still to come."""
        return not self.annealed

    def most_levels(self, neuron: Neuron) -> int:
        """Return the levels of a spike in the end."""
        return max(1, (neuron.levels if self.levels is None else self.levels) - self.coarse)

    def levels_at(self, t: int, neuron: Neuron) -> int:
        """Return the levels of a spike at step t."""
        most = self.most_levels(neuron)
        return min(most, self.annealed + (t - 1) * self.rise) if self.annealed else most

    def zone(self, neuron: Neuron) -> float:
        """Return the dead zone of `neuron` in units of its scale."""
        return (neuron.dead_zone if self.dead_zone is None else self.dead_zone) * 2.0**self.coarse

    def underflows(self, neuron: Neuron) -> bool:
        """Return whether small spikes of `neuron` are multiples of the smallest."""
        return neuron.gradual if self.gradual is None else self.gradual

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return the sign, the exponent and the mantissa of a spike, in units of the scale."""
        mantissa = neuron.mantissa if self.mantissa is None else self.mantissa
        return Wire(1 + (self.most_levels(neuron) - 1).bit_length() + mantissa, mantissa, neuron.scale)

    def largest_spike(self, neuron: Neuron) -> Tensor | float:
        """Return (2 - 2^-mantissa) scale."""
        mantissa = neuron.mantissa if self.mantissa is None else self.mantissa
        return neuron.scale * (2.0 - 2.0**-mantissa)

    def unsaid(self, neuron: Neuron) -> Tensor | float:
        """Return lo / 2 scale, or the dead zone: an error up to this is never sent."""
        return neuron.scale * max(2.0 ** -self.most_levels(neuron), self.zone(neuron))

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return v + s and s; an infinite target counts as +-scale, and NaN is sent once: see `with_nan`."""
        mantissa = neuron.mantissa if self.mantissa is None else self.mantissa
        error = bounded(target, neuron.scale) - state.v
        spike = quantise(
            error, neuron.scale, self.levels_at(t, neuron), mantissa, self.zone(neuron), self.underflows(neuron)
        )
        spike = with_nan(spike, error, target, state.v)
        return State(state.v + spike), spike


def bounded(target: Tensor, scale: Tensor | float) -> Tensor:
    """Return `target` with +-scale for infinities; NaN stays."""
    if isinstance(scale, float):
        return torch.nan_to_num(target, math.nan, scale, -scale)
    return torch.where(torch.isinf(target), torch.sign(target) * scale, target)


def with_nan(spike: Tensor, error: Tensor, target: Tensor, v: Tensor) -> Tensor:
    """Return `spike` with NaN where `target` is NaN and the estimate `v` is not yet, and 0 where `error` is NaN else.

    A neuron with a NaN target says so once: from then on its estimate is NaN, like all that is made of it, and it is
    silent. Written in place.
    """
    spike.masked_fill_(error.isnan(), 0.0)
    return spike.masked_fill_(target.isnan().logical_and_(~v.isnan()), math.nan)


def quantise(
    error: Tensor, scale: Tensor | float, levels: int, mantissa: int, zone: float = 0.0, gradual: bool = False
) -> Tensor:
    """Return what a graded spike can say of `error`: 0, or sign * scale * (1 + m / 2^mantissa) * 2^k.

    With a = |error| / scale and lo = 2^-(levels - 1): no spike where a <= lo / 2 or a < zone, the dead zone; otherwise
    k = clamp(floor(log2 a), -(levels - 1), 0), q = round(a 2^(mantissa - k)) 2^(k - mantissa), half to even, clamped to
    [lo, 2 - 2^-mantissa]. With `gradual` (underflow, as in IEEE 754) q = lo round(a / lo), half to even, where a <
    lo 2^mantissa: what is not said anyway below lo costs no digits above it either. Exact for a scale that is a power
    of two. `error` is float32 or float64, and not NaN.
    """
    a = error.abs() / scale
    lo = 2.0 ** -(levels - 1)
    q = round_mantissa(a, mantissa)
    if gradual:
        bits = _LAYOUT[a.dtype][1]
        grid = lo * 2.0**bits  # a + grid has no bits below lo
        q = torch.where(a < lo * 2.0 ** min(mantissa, bits), (a + grid) - grid, q)
    q.clamp_(lo, 2.0 - 2.0**-mantissa)  # the clamp of k is that of q
    silent = a <= lo / 2
    if zone:
        silent = silent.logical_or_(a < torch.full_like(a, zone))
    return torch.copysign(q * scale, error).masked_fill_(silent, 0.0)


def round_mantissa(a: Tensor, mantissa: int) -> Tensor:
    """Return a >= 0 rounded to `mantissa` bits behind the leading one, half to even, by its bit pattern."""
    integers, bits = _LAYOUT[a.dtype]
    if mantissa >= bits:
        return a.clone()
    pattern, shift = a.view(integers), bits - mantissa
    half = 1 << (shift - 1)
    # of 1 and 2 only 2 is even: without mantissa bits a tie always goes up
    up = (pattern >> shift).bitwise_and_(1).add_(half - 1) if mantissa else half
    rounded = (pattern + up).bitwise_right_shift_(shift).bitwise_left_shift_(shift)
    return rounded.view(a.dtype)


_LAYOUT = {torch.float32: (torch.int32, 23), torch.float64: (torch.int64, 52)}
