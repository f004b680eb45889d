"""Settings of adaptation: whether and how far levels and mantissa bits are adapted."""

from dataclasses import dataclass

from onnx2snn.settings.values import check_values
from onnx2snn_runtime.errors import InputError


@dataclass(frozen=True)
class AdaptationSettings:
    """How far to adapt: whether (`adapt`), to which relative error (`tolerance`), for how many seconds (`budget`).

    Levels and mantissa bits of graded spikes (differential alone) are those that cost least while the relative error of
    the outputs, on the samples held back, is within the tolerance (0.01: 1 %), a seventh of it kept for other data. The
    budget covers all that follows the plain network's answers. What makes no sense raises InputError.
    """

    adapt: bool = True
    tolerance: float | None = None
    budget: float = 60.0

    def __post_init__(self) -> None:
        check_values(self)
        if (self.tolerance is not None and not self.tolerance > 0) or not self.budget >= 0:
            raise InputError(
                f"tolerance is {self.tolerance} and budget {self.budget}: give an error above 0 and 0 or more seconds"
            )
