"""Encoder `stochastic_spike`: random signs, whose probability depends on the error (as in the paper's code)."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Neuron, State, Tensor, Wire, wire_of
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.encoders.base import ENCODERS, Carried, uniform


@ENCODERS.register("stochastic_spike")
@dataclass(frozen=True)
class StochasticSpike(Carried):
    """g = 1 with probability sigmoid((v - x) / scale), else -1, in units of the input's scale; then as `spike`.

    The draws are a function of `seed`, the input and the step: every batch of a run sees the same ones.
    """

    carrier: SignGD
    seed: int = 0
    payloads: ClassVar[tuple[str, ...]] = ("change", "gradient")

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return what the carrier sends."""
        return wire_of(self.carrier, t, neuron)

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the moved estimate and the spike."""
        chance = torch.sigmoid((state.v - target) / neuron.scale)
        above = uniform(target, self.seed, neuron.stream, t) < chance
        return self.carrier.descend(state, torch.where(above, 1.0, -1.0).to(state.v.dtype), t, neuron.scale)
