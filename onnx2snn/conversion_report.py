"""The report of a conversion."""

from dataclasses import dataclass, field
from typing import Any

from onnx2snn.settings import ConversionSettings


@dataclass
class ConversionReport:
    """What a conversion did and what came of it on held-back samples, after `timesteps`, the network's default.

    `neurons_by_kind` counts populations by operator; `raised` and `mantissa_raised` hold the levels and mantissa bits
    of the populations that adaptation changed, up or down, and `notes` say what was given up for what.
    `relative_error` is |spiking - plain| / |plain| and `agreement` the share of equal top-1, from 0 to 1 (None for
    outputs without classes); `not_finite` counts values of the outputs that are NaN or infinite in one network alone;
    `reached` says whether the tolerance was, with none of these. `synthetic`: the samples were made up; `held_back`:
    ranges were measured on others than these, which is not so of too few. `passes` are
    (name, sites changed, seconds), `warnings` sentences. `settings` are those that the conversion was asked for.
    `energy` holds operations and energies a sample, beside the plain network's, on the same samples, layer by layer
    too. `costliest` are the three populations with most of it (the share of the synapses that lead to them), `erring`
    the three that add the largest relative error of their own, on a few of the samples.
    """

    source: str = ""
    populations: int = 0
    neurons_by_kind: dict[str, int] = field(default_factory=dict)
    calibration_samples: int = 0
    synthetic: bool = False
    held_back: bool = True
    timesteps: int = 0
    notes: list[str] = field(default_factory=list)
    raised: dict[str, int] = field(default_factory=dict)
    mantissa_raised: dict[str, int] = field(default_factory=dict)
    relative_error: float | None = None
    agreement: float | None = None
    not_finite: int = 0
    reached: bool = False
    warnings: list[str] = field(default_factory=list)
    passes: list[tuple[str, int, float]] = field(default_factory=list)
    seconds: float = 0.0
    settings: ConversionSettings = field(default_factory=ConversionSettings)
    energy: dict[str, Any] | None = None
    costliest: list[tuple[str, float]] = field(default_factory=list)
    erring: list[tuple[str, float]] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return what the file keeps of it."""
        return {
            "samples": self.calibration_samples,
            "synthetic": self.synthetic,
            "relative_error": self.relative_error,
            "agreement": self.agreement,
        }
