"""A constant step size."""

from dataclasses import dataclass

from onnx2snn_runtime.schedules.base import SCHEDULES


@SCHEDULES.register("constant")
@dataclass(frozen=True)
class Constant:
    """eta(t) = initial."""

    initial: float = 0.15

    def __call__(self, t: int) -> float:
        """Return the step size at time step t."""
        return self.initial
