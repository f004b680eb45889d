"""The paper's input coding: the network sees a running estimate of its input (arXiv 2407.01645)."""

from dataclasses import dataclass, field

from onnx2snn_runtime.dynamics.base import Accumulating, Neuron, State, Tensor
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.schedules.base import Schedule
from onnx2snn_runtime.schedules.exponential import Exponential


@ENCODERS.register("float")
@dataclass(frozen=True)
class Float(Accumulating):
    """v <- v + eta(t) (x - v), v(0) = 0, with the step sizes of the neurons; the payload is a float."""

    schedule: Schedule = field(default_factory=Exponential)

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the moved estimate and the correction that is sent."""
        spike = self.schedule(t) * (target - state.v)
        return State(state.v + spike), spike
