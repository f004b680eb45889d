"""A step size that decays by a factor each step; the default of the paper (arXiv 2407.01645)."""

from dataclasses import dataclass

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.base import SCHEDULES


@SCHEDULES.register("exponential")
@dataclass(frozen=True)
class Exponential:
    """eta(t) = initial * decay^(t - 1), but no less than `least`.

    With a `least` step size neurons can follow what changes late; ternary ones are silent within half of it.
    """

    initial: float = 0.15
    decay: float = 0.95
    least: float = 0.0

    def __post_init__(self) -> None:
        if self.least < 0:
            raise InputError(f"the least step size of an exponential schedule is {self.least}: give 0 or more")

    def __call__(self, t: int) -> float:
        """Return the step size at time step t."""
        return max(float(self.least), float(self.initial * self.decay ** (t - 1)))
