"""A step size that decays to zero at a horizon, along a polynomial."""

from dataclasses import dataclass

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.base import SCHEDULES


@SCHEDULES.register("polynomial")
@dataclass(frozen=True)
class Polynomial:
    """eta(t) = initial * (1 - (t - 1) / horizon)^power, and 0 from t = horizon + 1 on."""

    initial: float = 0.15
    horizon: int = 64
    power: float = 1.0

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise InputError(f"the horizon of a polynomial schedule is {self.horizon}: give 1 step or more")

    def __call__(self, t: int) -> float:
        """Return the step size at time step t."""
        return float(self.initial * max(0.0, 1.0 - (t - 1) / self.horizon) ** self.power)
