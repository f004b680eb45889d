"""The subgradient method on the ReLU's dual: the theory behind rate-coded neurons (Oh & Lee, ICML 2024)."""

from dataclasses import dataclass, field
from typing import Any

from onnx2snn_runtime.dynamics.averaging import Averaging
from onnx2snn_runtime.dynamics.base import DYNAMICS, Momentum, Neuron, State, Tensor, Wire
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.base import Schedule
from onnx2snn_runtime.schedules.inverse import Inverse


@DYNAMICS.register("subgradient")
@dataclass(frozen=True)
class Subgradient(Averaging):
    """s = theta where x > v, else 0; m <- momentum m + eta(t) (v - s); v <- v - m; theta = scale, v(0) = m(0) = 0.

    With Nesterov the comparison is x > v - momentum m. The receiver filters its currents alike, from its bias on; a
    decoded output starts at 0 instead (y(0) = 0), as in the paper's code. With eta(t) = 1 / (t + 1), the default, this
    is an integrate-and-fire neuron: see docs/dynamics.md. Of ReLU and clipped ReLU only. arXiv 2407.01645, section 3.
    """

    schedule: Schedule = field(default_factory=lambda: Inverse(offset=1.0))
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        if self.momentum < 0 or (self.nesterov and not self.momentum):
            raise InputError(
                f"the dynamics 'subgradient' has momentum {self.momentum} (nesterov: {self.nesterov}): give none below "
                "0, and one above 0 with nesterov"
            )

    def wire(self, t: int, neuron: Neuron) -> Wire:
        """Return one bit, 0 or theta."""
        return Wire(1, 0, neuron.threshold())

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the moved average and the spike; `target` is the input x of the rectifier."""
        ahead = state.v - self.momentum * state.momentum[0] if self.nesterov and state.momentum else state.v
        spike = (target > ahead).to(state.v.dtype) * neuron.threshold()
        return self.relay(state, spike, t)

    def decode(self, memory: Momentum, decoded: Tensor, current: Tensor, t: int) -> tuple[Momentum, Tensor]:
        """Return the momentum and the average."""
        move = self.schedule(t) * (decoded - current)
        if not self.momentum:
            return (), decoded - move
        momentum = self.momentum * memory[0] + move if memory else move
        return (momentum,), decoded - momentum

    def bias(self, t: int) -> float:
        """Return the average of a current that is 1 from the first step on."""
        memory: Any = ()
        shown: Any = 0.0  # numbers of the host, whatever the device is
        current: Any = 1.0
        for step in range(1, t + 1):
            memory, shown = self.decode(memory, shown, current, step)
        return float(shown)
