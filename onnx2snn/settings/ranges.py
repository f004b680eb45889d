"""Settings of calibration: how the ranges of the populations are measured."""

from dataclasses import dataclass, replace

from onnx2snn.settings.values import check_choice, check_values
from onnx2snn_runtime.errors import InputError

SCALES = ("layer", "channel", "neuron")
RANGES = ("maximum", "percentile", "fitted")


@dataclass(frozen=True)
class RangeSettings:
    """How ranges are measured on the calibration data.

    Each population gets a scale a "layer", "channel" or "neuron" (`scale`): the power of two that covers the `range` of
    its outputs, their "maximum", or the "percentile" 99.9 % of a layer's (for if and lif); or the "fitted" number
    between their largest magnitude and their root mean square, for spikes without an exponent. None follows from what
    a spike may carry: a layer's maximum, and fitted to each channel for ternary spikes. `samples` of the data are drawn
    at random (None: all are taken); `seed` is that of the draw and of made-up data. What makes no sense raises
    InputError.
    """

    scale: str | None = None
    range: str | None = None
    samples: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_values(self)
        if self.scale is not None:
            check_choice("scale", self.scale, SCALES)
        check_range(self.range or "maximum", self.scale or "layer")
        if self.samples is not None and self.samples < 1:
            raise InputError(f"samples is {self.samples}: give 1 or more")

    def following(self, scale: str, range: str) -> "RangeSettings":
        """Return a copy in which what was left open is `scale` and `range`, as far as they go with the rest."""
        if self.range == "percentile":
            scale = "layer"
        return replace(self, scale=self.scale or scale, range=self.range or range)

    @property
    def robust(self) -> bool:
        """Whether ranges are percentiles."""
        return self.range == "percentile"


def check_range(range: str, scale: str) -> None:
    """Raise InputError for an unknown range, and for percentiles of parts of a layer."""
    if range not in RANGES:
        raise InputError(f"there is no range {range!r}: choose {', '.join(RANGES)}")
    if range == "percentile" and scale != "layer":
        raise InputError(f"percentiles are those of whole layers, not one a {scale}: choose the scale 'layer'")
