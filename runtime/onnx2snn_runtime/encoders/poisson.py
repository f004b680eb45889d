"""Encoder `poisson`: random spikes whose rate is the input, the classical rate coding."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Neuron, State, Tensor, Wire
from onnx2snn_runtime.encoders.base import ENCODERS, Carried, Carrier, uniform


@ENCODERS.register("poisson")
@dataclass(frozen=True)
class Poisson(Carried):
    """s = scale sign(x) with probability min(1, |x| / scale), else 0: at most one spike a step, as in the field.

    The draws are a function of `seed`, the input and the step: every batch of a run sees the same ones.
    """

    carrier: Carrier
    seed: int = 0
    payloads: ClassVar[tuple[str, ...]] = ("value",)

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return one bit, the sign."""
        return Wire(1, 0, neuron.scale)

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the average of the spikes and the spike."""
        fires = uniform(target, self.seed, neuron.stream, t) < target.abs() / neuron.scale
        spike = torch.where(fires, torch.sign(target) * neuron.scale, 0.0).to(state.v.dtype)
        return self.carrier.relay(state, spike, t)
