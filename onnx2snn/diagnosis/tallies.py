"""Sums over neurons and samples that a population's figures are made of."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class StepTally:
    """The sums of one population after some time steps, over all samples.

    `error` is |v - plain|^2, `own` |f(x) - v|^2, of which saturated neurons have `beyond`, and errors too small to be
    sent `below`; `target` is |f(x)|^2. `silent` neurons sent nothing so far.
    """

    error: float = 0.0
    own: float = 0.0
    beyond: float = 0.0
    below: float = 0.0
    target: float = 0.0
    saturated: int = 0
    silent: int = 0
    events: int = 0


@dataclass
class Tally:
    """The sums of one population: of the plain network's values, and by time steps."""

    name: str
    operator: str
    scale: np.ndarray
    levels: int
    mantissa: int
    calibrated: float
    dead_zone: float = 0.0
    neurons: int = 0
    values: int = 0
    plain: float = 0.0
    largest: float = 0.0
    at: dict[int, StepTally] = field(default_factory=dict)

    def figures(self, samples: int) -> "Figures":
        """Return the figures of `samples` samples."""
        return Figures(
            name=self.name,
            operator=self.operator,
            neurons=round(self.values / max(1, samples)),
            scale=float(self.scale.max()),
            levels=self.levels,
            mantissa=self.mantissa,
            calibrated=self.calibrated,
            dead_zone=self.dead_zone,
            largest=self.largest,
            at={t: self._at(tally) for t, tally in self.at.items()},
        )

    def _at(self, tally: StepTally) -> "AtStep":
        values = max(1, self.values)
        return AtStep(
            error=_ratio(tally.error, self.plain),
            own_error=_ratio(tally.own, max(tally.target, self.plain)),
            beyond=tally.beyond / tally.own if tally.own else 0.0,
            below=tally.below / tally.own if tally.own else 0.0,
            saturated=tally.saturated / values,
            silent=tally.silent / values,
            events_per_neuron=tally.events / values,
        )


@dataclass(frozen=True)
class AtStep:
    """The figures of a population after some time steps.

    error              |v - plain| / |plain|: how far its estimates are from the plain network's values
    own_error          |f(x) - v| / |f(x)|: what it adds itself to the error of its inputs
    beyond, below      shares of the squared own error: of neurons that are saturated, and of errors too small to send
    saturated, silent  shares of neurons: beyond what spikes reach, and without any spike so far
    """

    error: float
    own_error: float
    beyond: float
    below: float
    saturated: float
    silent: float
    events_per_neuron: float


@dataclass(frozen=True)
class Figures:
    """A population: its neurons for a sample, its settings, and its figures by time steps.

    `scale` is the largest of its scales; `calibrated` the largest magnitude that calibration saw (0: not recorded),
    `largest` that of the plain network on these samples.
    """

    name: str
    operator: str
    neurons: int
    scale: float
    levels: int
    mantissa: int
    calibrated: float
    dead_zone: float
    largest: float
    at: dict[int, AtStep]

    def as_dict(self) -> dict[str, Any]:
        """Return them as JSON can say them."""
        return {**vars(self), "at": {str(t): vars(at) for t, at in self.at.items()}}


def _ratio(squared: float, norm: float) -> float:
    """Return sqrt(squared / norm); of nothing it is 0, or 1 where something came of it."""
    if not norm:
        return 1.0 if squared else 0.0
    return min(1e9, math.sqrt(squared / norm)) if math.isfinite(squared) else 1e9
