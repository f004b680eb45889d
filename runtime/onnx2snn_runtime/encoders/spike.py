"""Encoder `spike`: the input is encoded by a population of the network's own dynamics (`spike` in the paper's code)."""

from dataclasses import dataclass
from typing import ClassVar

from onnx2snn_runtime.dynamics.base import Neuron, State, Tensor, Wire, wire_of
from onnx2snn_runtime.encoders.base import ENCODERS, Carried, Carrier


@ENCODERS.register("spike")
@dataclass(frozen=True)
class Spike(Carried):
    """g = 1 where v > x, else -1, in units of the input's scale, and a step of the neurons' optimizer.

    Where decoders average (subgradient, if, lif), s = scale sign(x) while |v| < |x|, else 0.
    """

    carrier: Carrier
    payloads: ClassVar[tuple[str, ...]] = ("change", "gradient", "value")

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return what the carrier sends; where decoders average, a sign of size scale."""
        return Wire(1, 0, neuron.scale) if self.carrier.payload == "value" else wire_of(self.carrier, t, neuron)

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the moved estimate and the spike."""
        return self.carrier.follow(state, target, t, neuron)
