"""Sign gradient descent: the neuron of Oh & Lee, ICML 2024 (arXiv 2407.01645)."""

from dataclasses import dataclass, field

import torch

from onnx2snn_runtime.dynamics.base import DYNAMICS, Accumulating, Momentum, Neuron, State, Tensor, Wire
from onnx2snn_runtime.optimizers.base import Optimizer
from onnx2snn_runtime.optimizers.sgd import SGD
from onnx2snn_runtime.schedules.base import Schedule
from onnx2snn_runtime.schedules.exponential import Exponential


@DYNAMICS.register("signgd")
@dataclass(frozen=True)
class SignGD(Accumulating):
    """g = 1 where v >= f(x), else -1; v <- v + scale * change(g), by the optimizer: one bit on the wire, every step.

    Plain sgd sends s = -eta(t) scale g, the change. With momentum or weight decay it sends s = -scale g, and the
    receiver applies the same filter; the other optimizers are not linear, and send the change.
    A neuron of several sources compares strictly (v > f(x)); a target that is NaN compares as false, as in the
    reference implementation.
    """

    schedule: Schedule = field(default_factory=Exponential)
    optimizer: Optimizer = field(default_factory=SGD)

    @property
    def payload(self) -> str:  # type: ignore[override]
        """What is sent: the sign of the gradient where the receiver can filter it, else the change."""
        return "gradient" if self.optimizer.linear and not self.optimizer.plain else "change"

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return one bit, the sign of the step at t; a change by an optimizer that is not linear is a real number."""
        if not self.optimizer.linear:
            return Wire()
        return Wire(1, 0, neuron.scale * self.schedule(t) if self.optimizer.plain else neuron.scale)

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the moved estimate and what was sent."""
        above = state.v >= target if neuron.sources == 1 else state.v > target
        return self.descend(state, torch.where(above, 1.0, -1.0).to(state.v.dtype), t, neuron.scale)

    def descend(self, state: State, gradient: Tensor, t: int, scale: Tensor | float) -> tuple[State, Tensor]:
        """Move against `gradient`; return the new state and what is sent."""
        eta = self.schedule(t)
        if self.optimizer.plain:
            spike = gradient * (-eta * scale)
            return State(state.v + spike), spike
        if self.optimizer.linear:
            spike = -gradient * scale
            momentum, v = self.decode(state.momentum, state.v, spike, t)
            return State(v, momentum=momentum), spike
        change, memory = self.optimizer.step(state.v / scale, state.memory, gradient, eta)
        spike = change * scale
        return State(state.v + spike, memory), spike

    def decode(self, memory: Momentum, decoded: Tensor, current: Tensor, t: int) -> tuple[Momentum, Tensor]:
        """Add the change, or what the optimizer makes of the current of signs: it is linear."""
        if self.payload == "change":
            return memory, decoded + current
        change, buffers = self.optimizer.step(decoded, memory, -current, self.schedule(t))
        return buffers, decoded + change

    def relay(self, state: State, value: Tensor, t: int) -> tuple[State, Tensor]:
        """Move towards `value` by g = v - value, a gradient that is a float."""
        return self.descend(state, state.v - value, t, 1.0)

    def follow(self, state: State, value: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Move towards `value` as an encoder does: by the sign of v - value, upwards at a tie."""
        return self.step(state, value, t, neuron._replace(sources=2))
