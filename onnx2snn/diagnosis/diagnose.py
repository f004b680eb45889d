"""Diagnoses a network: measures, names, tries what may mend, applies what did, and looks again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from onnx2snn.data.readers import Samples
from onnx2snn.data.samples import first
from onnx2snn.diagnosis.causes import Cause, cause, first_jump
from onnx2snn.diagnosis.measuring import Measured, measure
from onnx2snn.diagnosis.remedies import Remedy, recalibrated, remedies
from onnx2snn.evaluation.measuring import check_still
from onnx2snn.fitting.advice import LONGER
from onnx2snn.settings.payload import PAYLOADS, payload_of
from onnx2snn_runtime.errors import Stage
from onnx2snn_runtime.model import SpikingModel

MOST_ROUNDS = 6
"""So many populations are mended one after the other, at most."""
HALVED = 0.5
"""A remedy mends where it brings an error down to this share, or within the tolerance."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Trial:
    """A remedy that was tried: the error of the output with it, and the population's own, from the best run."""

    remedy: Remedy
    error: float
    own_error: float | None
    mends: bool


@dataclass(frozen=True)
class Finding:
    """A cause, the error of the output before anything was tried, all trials, and the one that was kept, if any."""

    why: Cause
    error: float
    trials: tuple[Trial, ...]
    chosen: Trial | None


@dataclass
class Diagnosis:
    """What was measured at first, and what was found; `error` and `mended` are the output's error then and at last.

    Both are of all samples; settings were tried on the first `tried_on` of them."""

    measured: Measured
    timesteps: int
    tolerance: float
    findings: list[Finding] = field(default_factory=list)
    mended: float = 0.0
    tried_on: int = 0

    @property
    def error(self) -> float:
        """The relative error of the output before anything was mended."""
        return self.measured.errors[self.timesteps]

    @property
    def healthy(self) -> bool:
        """Whether there was nothing to mend."""
        return self.error <= self.tolerance

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it."""
        return {
            "samples": self.measured.samples,
            "timesteps": self.timesteps,
            "tolerance": self.tolerance,
            "errors": {str(t): error for t, error in self.measured.errors.items()},
            "populations": [one.as_dict() for one in self.measured.populations],
            "findings": [_finding(one) for one in self.findings],
            "mended_error": self.mended,
        }


@Stage("the diagnosis")
def diagnose(
    snn: SpikingModel,
    samples: Samples,
    timesteps: Sequence[int] = (1, 2, 4, 8),
    *,
    tolerance: float | None = None,
    mend: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> Diagnosis:
    """Return the figures of every population of `snn` on `samples`, who errs first, why, and what mends it, tried.

    `tolerance` is the relative error of the output that needs no mending, by default that of the conversion. With
    `mend` the settings that helped stay in `snn`; time steps among them. `options` override the network's settings,
    as in `SpikingModel.run`. Data that do not fit raise InputError.
    """
    check_still(snn, samples)
    tell = progress or (lambda stage, share: None)
    t = snn.defaults.timesteps
    tell("measuring populations", 0.0)
    found = measure(snn, samples.inputs, [*timesteps, t], **options)
    made = Diagnosis(found, t, _tolerance(snn) if tolerance is None else tolerance, mended=found.errors[t])
    doctor = _Doctor(snn, samples.inputs, made, options)
    undo = []
    for turn in range(MOST_ROUNDS):
        if made.mended <= made.tolerance:
            break
        tell("trying what mends it", (1 + turn) / (1 + MOST_ROUNDS))
        finding = doctor.turn(found, t)
        made.findings.append(finding)
        if finding.chosen is None:
            break
        undo.append(finding.chosen.remedy.apply(snn))
        t = snn.defaults.timesteps
        found = measure(snn, samples.inputs, [t, t + 1], **options)
        made.mended = found.errors[t]
    for back in reversed([] if mend else undo):
        back()
    return made


class _Doctor:
    """Tries remedies on a few samples."""

    def __init__(self, snn: SpikingModel, inputs: Mapping[str, Any], made: Diagnosis, options: dict[str, Any]) -> None:
        self.snn, self.made, self.options = snn, made, options
        self.few = first(inputs, FEW, snn.program.axes)
        made.tried_on = min(FEW, made.measured.samples)
        self.calibrated = cache(lambda: recalibrated(snn, {k: np.asarray(v) for k, v in inputs.items()}))

    def turn(self, found: Measured, t: int) -> Finding:
        """Return who errs first, and what became of trying to mend it."""
        who = first_jump(found.populations, t)
        why = cause(who, t)
        before = measure(self.snn, self.few, [t], **self.options)
        trials: list[Trial] = []
        steps = _enough(found, t, LONGER * self.made.timesteps, self.made.tolerance)
        for remedy in remedies(self.snn, found, why, steps, self.calibrated):
            trials.append(self.tried(remedy, before, why, t))
            if len(trials) > 1 and any(trial.mends for trial in trials):
                break
        mending = [trial for trial in trials if trial.mends]
        best = min(mending, key=lambda trial: trial.error, default=None)
        chosen = next((trial for trial in mending if best and trial.error <= 1.25 * best.error), None)
        return Finding(why, before.errors[t], tuple(trials), chosen)

    def tried(self, remedy: Remedy, before: Measured, why: Cause, t: int) -> Trial:
        """Return what `remedy` does; the network is as before afterwards."""
        undo = remedy.apply(self.snn)
        try:
            steps = remedy.timesteps or t
            after = measure(self.snn, self.few, [steps], **self.options)
        finally:
            undo()
        error, was = after.errors[steps], before.errors[t]
        own = had = None
        if why.population is not None:
            own = after.of(why.population).at[steps].own_error
            had = before.of(why.population).at[t].own_error
        within = error <= max(self.made.tolerance, HALVED * was)
        better = own is not None and had is not None and own <= HALVED * had and error <= 1.1 * was
        return Trial(remedy, error, own, within or better)


def _enough(found: Measured, t: int, most: int, tolerance: float) -> int | None:
    """Return the fewest time steps above t that are known to do, or else so many times t; None above `most`."""
    known = (step for step, error in sorted(found.errors.items()) if t < step <= most and error <= tolerance)
    steps = next(known, LONGER * t)
    return steps if steps <= most else None


FEW = 4
"""Remedies are tried on so many samples."""


def _tolerance(snn: SpikingModel) -> float:
    """Return the relative error that the conversion aimed at."""
    asked = dict(snn.defaults.settings.get("adaptation", {})).get("tolerance")
    return PAYLOADS[payload_of(snn.defaults.dynamics)].tolerance if asked is None else float(asked)


def _finding(found: Finding) -> dict[str, Any]:
    def said(trial: Trial) -> dict[str, Any]:
        remedy = trial.remedy
        return {
            "setting": remedy.words,
            "error": trial.error,
            "own_error": trial.own_error,
            "mends": trial.mends,
            "command": remedy.command,
            "python": remedy.python(),
            "populations": list(remedy.populations),
        }

    return {
        "population": found.why.population,
        "reason": found.why.reason,
        "why": found.why.sentence,
        "error": found.error,
        "trials": [said(trial) for trial in found.trials],
        "mended_by": said(found.chosen) if found.chosen else None,
    }
