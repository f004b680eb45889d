"""A step size that decays by a factor each step; the default of the paper (arXiv 2407.01645)."""

from dataclasses import dataclass

from onnx2snn_runtime.schedules.base import SCHEDULES


@SCHEDULES.register("exponential")
@dataclass(frozen=True)
class Exponential:
    """eta(t) = initial * decay^(t - 1)."""

    initial: float = 0.15
    decay: float = 0.95

    def __call__(self, t: int) -> float:
        """Return the step size at time step t."""
        return float(self.initial * self.decay ** (t - 1))
