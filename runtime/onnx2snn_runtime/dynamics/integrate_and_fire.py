"""The integrate-and-fire neuron, decoded by rates: the classical baseline of ANN-to-SNN conversion."""

from dataclasses import dataclass

import numpy as np
import torch

from onnx2snn_runtime.dynamics.averaging import Averaging
from onnx2snn_runtime.dynamics.base import DYNAMICS, Momentum, Neuron, State, Tensor, Wire
from onnx2snn_runtime.errors import InputError

TIE = 2.0**-20
"""A membrane this close below its threshold fires, so that the last bits of a sum do not decide a tie."""


@DYNAMICS.register("if")
@dataclass(frozen=True)
class IntegrateAndFire(Averaging):
    """u <- u + I(t); s = theta where u >= theta, else 0; u <- u - s (soft) or 0 (hard); v(t) = mean of the spikes.

    theta = threshold * scale, u(0) = initial * theta. The current comes from the averaged input: the charge t x(t) is
    the sum of the currents until t, so I(t) = t x(t) - (t - 1) x(t - 1). Of ReLU and clipped ReLU only. Sources:
    Diehl et al. 2015; Rueckauer et al. 2017 (reset by subtraction); Bu et al., ICLR 2022 (u(0) = theta / 2).
    """

    threshold: float = 1.0
    reset: str = "soft"
    initial: float = 0.5

    def __post_init__(self) -> None:
        if self.reset not in ("soft", "hard"):
            raise InputError(f"there is no reset {self.reset!r}: choose soft or hard")
        if not self.threshold > 0:
            raise InputError(f"the threshold is {self.threshold} times the scale: give a number above 0")

    @property
    def keep(self) -> float:
        """What a membrane keeps of itself in a step."""
        return 1.0

    def rest(self, like: Tensor, neuron: Neuron) -> tuple[Tensor, Tensor]:
        """Return the membrane u(0) and the charge 0 before the first step, shaped like `like`."""
        zero = torch.zeros_like(like)
        return zero + self.initial * self._theta(like, neuron), zero

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return one bit, 0 or theta."""
        return Wire(1, 0, neuron.threshold(self.threshold))

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the new membrane and rate, and the spike; `target` is the input x of the rectifier."""
        theta = self._theta(target, neuron)
        membrane, before = state.memory or self.rest(state.v, neuron)
        # on a GPU a division by a number would be a product with its inverse
        charge = target / target.new_full((), self.share(t))
        membrane = self.keep * membrane + (charge - self.keep * before)
        fires = membrane >= theta * (1 - TIE)
        spike = fires.to(state.v.dtype) * theta
        membrane = membrane - spike if self.reset == "soft" else membrane.masked_fill(fires, 0.0)
        after, _ = self.relay(state, spike, t)
        return after._replace(memory=(membrane, charge)), spike

    def _theta(self, like: Tensor, neuron: Neuron) -> Tensor:
        """Return the threshold in the type of `like`."""
        theta = neuron.threshold(self.threshold)
        return theta.to(like.dtype) if isinstance(theta, Tensor) else like.new_full((), theta)

    def decode(self, memory: Momentum, decoded: Tensor, current: Tensor, t: int) -> tuple[Momentum, Tensor]:
        """Return the (leaky) sum of the currents, and their average."""
        total = self.keep * memory[0] + current if memory else current
        return (total,), total * self.share(t)

    def share(self, t: int) -> float:
        """Return 1 / (1 + leak + ... + leak^(t-1)) as a float32: short sums times it are exact in float64."""
        leak = self.keep
        weight = float(t) if leak == 1 else (1 - leak**t) / (1 - leak)
        return float(np.float32(1 / weight))
