"""Graded corrections: a spike is a small float, and silence means that the estimate is good enough."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import DYNAMICS, Accumulating, Neuron, State, Tensor


@DYNAMICS.register("differential")
@dataclass(frozen=True)
class Differential(Accumulating):
    """e = f(x) - v; s = quantise(e); v <- v + s, with v(0) = 0 and v(t) within [-2, 2] scale.

    `levels` and `mantissa` override those of every population. Related: multi-threshold neurons and differential
    coding (ICML 2025), the graded spikes of Loihi 2.
    """

    levels: int | None = None
    mantissa: int | None = None
    settles: ClassVar[bool] = True

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return v + s and s; a target that is NaN counts as 0, an infinite one as +-scale."""
        levels = neuron.levels if self.levels is None else self.levels
        mantissa = neuron.mantissa if self.mantissa is None else self.mantissa
        error = finite(target, neuron.scale) - state.v
        spike = quantise(error, neuron.scale, levels, mantissa)
        return State(state.v + spike), spike


def finite(target: Tensor, scale: Tensor) -> Tensor:
    """Return `target` with 0 for NaN and +-scale for infinities."""
    clamped = torch.where(torch.isinf(target), torch.sign(target) * scale, target)
    return torch.nan_to_num(clamped, nan=0.0)


def quantise(error: Tensor, scale: Tensor | float, levels: int, mantissa: int) -> Tensor:
    """Return what a graded spike can say of `error`: 0, or sign * scale * (1 + m / 2^mantissa) * 2^k.

    With a = |error| / scale and lo = 2^-(levels - 1): no spike where a < lo / 2; otherwise
    k = clamp(floor(log2 a), -(levels - 1), 0), q = round(a 2^(mantissa - k)) 2^(k - mantissa), half to even, clamped to
    [lo, 2 - 2^-mantissa]. Exact in every floating-point type for a scale that is a power of two.
    """
    a = error.abs() / scale
    lo = 2.0 ** -(levels - 1)
    k = (torch.frexp(a).exponent - 1).clamp(-(levels - 1), 0)
    unit = torch.ldexp(torch.ones_like(a), k - mantissa)  # torch 2.13 warns where ldexp has to broadcast
    q = (torch.round(a / unit) * unit).clamp(lo, 2.0 - 2.0**-mantissa)
    return torch.where(a < lo / 2, torch.zeros_like(q), torch.sign(error) * q * scale)
