"""A step size that decays as 1 / sqrt(t)."""

from dataclasses import dataclass

from onnx2snn_runtime.schedules.base import SCHEDULES


@SCHEDULES.register("sqrt")
@dataclass(frozen=True)
class Sqrt:
    """eta(t) = initial / sqrt(t)."""

    initial: float = 1.0

    def __call__(self, t: int) -> float:
        """Return the step size at time step t."""
        return float(self.initial / t**0.5)
