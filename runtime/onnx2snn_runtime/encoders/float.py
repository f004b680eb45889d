"""Encoder `float`, the paper's input coding: a running estimate of the input (arXiv 2407.01645)."""

from dataclasses import dataclass
from typing import ClassVar

from onnx2snn_runtime.dynamics.base import Neuron, State, Tensor
from onnx2snn_runtime.encoders.base import ENCODERS, Carried, Carrier


@ENCODERS.register("float")
@dataclass(frozen=True)
class Float(Carried):
    """g = v - x, and a step of the neurons' optimizer; v <- v + eta(t) (x - v) by plain sgd. The payload is a float.

    Where decoders average (subgradient, if, lif), x itself is sent every step.
    """

    carrier: Carrier
    payloads: ClassVar[tuple[str, ...]] = ("change", "gradient", "value")

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the moved estimate and what is sent."""
        return self.carrier.relay(state, target, t)
