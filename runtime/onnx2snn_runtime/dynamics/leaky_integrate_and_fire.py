"""The leaky integrate-and-fire neuron, decoded by a leaky average."""

from dataclasses import dataclass

from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.dynamics.integrate_and_fire import IntegrateAndFire
from onnx2snn_runtime.errors import InputError


@DYNAMICS.register("lif")
@dataclass(frozen=True)
class LeakyIntegrateAndFire(IntegrateAndFire):
    """u <- leak u + I(t), spike and reset as in `if`; v(t) = sum of leak^(t-i) s(i) / sum of leak^(t-i).

    The average forgets as the membrane does, so with soft reset |v - clip(x, 0, theta)| is at most theta over the sum
    of leak^(t-i), and falls no further than (1 - leak) theta.
    """

    leak: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.leak <= 1:
            raise InputError(f"the leak is {self.leak}: give a number above 0, up to 1 (no leak)")

    @property
    def keep(self) -> float:
        """What a membrane keeps of itself in a step."""
        return self.leak
