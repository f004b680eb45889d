"""Decoders that average: a spike is a value, 0 or theta, and v is a running average of the spikes."""

from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Momentum, Neuron, State, Tensor


class Averaging:
    """What `subgradient`, `if` and `lif` have in common; only ReLU and clipped ReLU can be expressed.

    An average of averages is one: with the inputs averaged by the same filter, x(t) = L(v(t)) as L is affine.
    """

    settles: ClassVar[bool] = False
    rectifies: ClassVar[bool] = True
    payload: ClassVar[str] = "value"

    def init(self, like: Tensor) -> State:
        """Return v = 0."""
        return State(like.new_zeros(()).expand(like.shape))

    def decode(self, memory: Momentum, decoded: Tensor, current: Tensor, t: int) -> tuple[Momentum, Tensor]:
        """Return the averages with the current of step t among them."""
        raise NotImplementedError

    def largest_spike(self, neuron: Neuron) -> Tensor | float | None:
        """Return None: an average is never beyond its threshold."""
        return None

    def unsaid(self, neuron: Neuron) -> Tensor | float | None:
        """Return None: every error is worked on."""
        return None

    def bias(self, t: int) -> float:
        """Return 1: the bias is there from the start."""
        return 1.0

    def relay(self, state: State, value: Tensor, t: int) -> tuple[State, Tensor]:
        """Send `value`, and average what was sent."""
        momentum, v = self.decode(state.momentum, state.v, value, t)
        return State(v, state.memory, momentum), value

    def follow(self, state: State, value: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Send scale with the sign of `value` while |v| is below |value|, else nothing."""
        sign = torch.sign(value)
        spike = torch.where(value.abs() > state.v * sign, sign * neuron.scale, 0.0).to(state.v.dtype)
        return self.relay(state, spike, t)
