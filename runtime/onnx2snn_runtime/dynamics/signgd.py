"""Sign gradient descent: the neuron of Oh & Lee, ICML 2024 (arXiv 2407.01645)."""

from dataclasses import dataclass, field

import torch

from onnx2snn_runtime.dynamics.base import DYNAMICS, Accumulating, Neuron, State, Tensor
from onnx2snn_runtime.schedules.base import Schedule
from onnx2snn_runtime.schedules.exponential import Exponential


@DYNAMICS.register("signgd")
@dataclass(frozen=True)
class SignGD(Accumulating):
    """s = -eta(t) scale where v >= f(x), else +eta(t) scale; v <- v + s: one bit on the wire, every step.

    A neuron of several sources compares strictly (v > f(x)); a target that is NaN compares as false, as in the
    reference implementation.
    """

    schedule: Schedule = field(default_factory=Exponential)

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the moved estimate and the step it took."""
        above = state.v >= target if neuron.sources == 1 else state.v > target
        size = self.schedule(t) * neuron.scale
        spike = torch.where(above, -size, size).to(state.v.dtype)
        return State(state.v + spike), spike
