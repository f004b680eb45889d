"""A step size that decays as 1 / t."""

from dataclasses import dataclass

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.base import SCHEDULES


@SCHEDULES.register("inverse")
@dataclass(frozen=True)
class Inverse:
    """eta(t) = initial / (t + offset)."""

    initial: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not self.offset > -1:
            raise InputError(f"the offset of an inverse schedule is {self.offset}: give a number above -1")

    def __call__(self, t: int) -> float:
        """Return the step size at time step t."""
        return self.initial / (t + self.offset)
