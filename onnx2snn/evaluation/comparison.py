"""Accumulates metrics of a spiking network's outputs against the plain network's, batch by batch.

agreement        share of samples whose top-1 equals the plain network's; of pixels or tokens, where each has its own;
                 none where the output holds no classes
cosine           mean cosine of the angle between the vectors of both networks, where the output holds embeddings
relative_error   |spiking - plain| / |plain| over the whole set, where the plain network's output is finite
not_finite       values of the output that are NaN or infinite in one of the two networks alone
accuracy         share of samples whose top-1 is the label
events           spikes sent by populations from step 1 to T, the input encoder apart
mean_timesteps   steps that a sample took of T: all of them but for early exit
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2snn_runtime.model import Run


def default_class_axis(shape: Sequence[int], labels: np.ndarray | None = None) -> int | None:
    """Return the class axis of an output of `shape`, or None where a sample has a single value.

    [N, C] has it at 1, sequences [N, L, C] last, maps [N, C, H, W] at 1, or last where the two axes behind the samples
    alone are alike; labels that fit one axis alone, because they have the output's shape without it, decide.
    """
    if labels is not None and labels.ndim == len(shape) - 1 and labels.ndim:
        fitting = [a for a in range(1, len(shape)) if (*shape[1:a], *shape[a + 1 :]) == labels.shape[1:]]
        if len(fitting) == 1:
            return fitting[0] if shape[fitting[0]] > 1 else None
    last = len(shape) == 3 or (len(shape) == 4 and shape[1] == shape[2] != shape[3] > 1)
    axis = len(shape) - 1 if last else 1
    return axis if len(shape) > axis and shape[axis] > 1 else None


@dataclass
class Tally:
    """The sums over all samples so far, for one number of time steps."""

    same: int = 0
    right: int = 0
    squared_error: float = 0.0
    not_finite: int = 0
    events: int = 0
    operations: float | None = 0.0
    steps: int = 0
    cosine: float = 0.0

    def merge(self, other: "Tally") -> None:
        """Add the sums over further samples."""
        for name in ("same", "right", "squared_error", "not_finite", "events", "steps", "cosine"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        both = self.operations is not None and other.operations is not None
        self.operations = self.operations + other.operations if both else None  # type: ignore[operator]


@dataclass
class Comparison:
    """Accumulates metrics of a spiking network's outputs against the plain network's, batch by batch.

    `axis` is that of the classes, `vectors` that of embeddings; see `class_axis`.
    """

    axis: int | None
    floating: bool
    tallies: dict[int, Tally]
    total: int = 0
    labelled: int = 0
    right: int = 0
    squared: float = 0.0
    finite: bool = False
    neurons: int = 0
    vectors: int | None = None
    pairs: int = 0

    def add(self, reference: np.ndarray, outputs: dict[int, np.ndarray], labels: np.ndarray | None) -> None:
        """Compare `outputs` by time steps with `reference`, and both with `labels`."""
        finite = np.isfinite(reference) if self.floating else None
        expected = self._top1(reference)
        known = _known(labels, expected)
        if finite is not None:
            self.squared += _squares(reference[finite])
            self.finite |= bool(finite.any())
        if expected is not None:
            self.total += expected.size
        if expected is not None and known is not None and labels is not None:
            self.labelled += int(known.sum())
            self.right += int((expected == labels)[known].sum())
        if self.vectors is not None:
            self.pairs += reference.size // reference.shape[self.vectors]
        for t, value in outputs.items():
            if self.vectors is not None:
                self.tallies[t].cosine += _cosines(value, reference, self.vectors)
            tally, top1 = self.tallies[t], self._top1(value)
            if finite is not None:
                tally.not_finite += differing_in_finiteness(reference, value)
                tally.squared_error += _squares(value[finite].astype(np.float64) - reference[finite])
            if top1 is not None:
                tally.same += int(((top1 == expected) & ((top1 >= 0) | (not self.floating))).sum())
                tally.right += 0 if known is None else int((top1 == labels)[known].sum())

    def add_events(self, run: Run) -> None:
        """Add the events counted in `run`."""
        self.neurons = run.neurons
        for t, tally in self.tallies.items():
            tally.events += run.events[t]
            counted = run.synaptic_operations.get(t)
            tally.operations = None if counted is None else (tally.operations or 0.0) + counted
            tally.steps += int(run.steps_taken.clamp(max=t).sum())

    def merge(self, other: "Comparison") -> None:
        """Add what `other`, of the same output, accumulated over further samples."""
        for name in ("total", "labelled", "right", "squared", "pairs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.finite |= other.finite
        self.neurons = other.neurons or self.neurons
        for t, tally in self.tallies.items():
            tally.merge(other.tallies[t])

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Comparison":
        """Return what `dataclasses.asdict` made a dictionary of, also once it was JSON."""
        return cls(**{**values, "tallies": {int(t): Tally(**tally) for t, tally in values["tallies"].items()}})

    def figures(self, samples: int) -> dict[str, Any]:
        """Return the metrics by name, as the command line prints them."""
        return {
            "ann": {"accuracy": _share(self.right, self.labelled)},
            "timesteps": {str(t): self._at(tally, samples) for t, tally in self.tallies.items()},
            "neurons": self.neurons,
        }

    def _at(self, tally: Tally, samples: int) -> dict[str, float | int | None]:
        return {
            "agreement": _share(tally.same, self.total),
            "cosine": _share(tally.cosine, self.pairs),
            "relative_error": _relative(tally.squared_error, self.squared) if self.finite else None,
            "not_finite": tally.not_finite,
            "accuracy": _share(tally.right, self.labelled),
            "events_per_neuron": _share(tally.events, self.neurons * samples),
            "events": tally.events,
            "synaptic_operations": tally.operations,
            "mean_timesteps": _share(tally.steps, samples),
        }

    def _top1(self, value: np.ndarray) -> np.ndarray | None:
        """Return the classes chosen, -1 where there is a NaN; integer outputs are classes themselves."""
        if not self.floating:
            return value
        if self.axis is None:
            return None
        return np.where(np.isnan(value).any(self.axis), -1, np.argmax(value, self.axis))


def differing_in_finiteness(reference: np.ndarray, value: np.ndarray) -> int:
    """Return how many values are NaN, or the same infinity, in one of two arrays alone."""
    same = (reference == value) | (np.isfinite(reference) & np.isfinite(value))
    return int((~same & ~(np.isnan(reference) & np.isnan(value))).sum())


def _known(labels: np.ndarray | None, top1: np.ndarray | None) -> np.ndarray | None:
    """Return the mask of samples with a label (negative labels mean unknown), or None if labels do not apply."""
    if labels is None or top1 is None or labels.shape != top1.shape:
        return None
    return np.asarray(labels >= 0)


def _cosines(value: np.ndarray, reference: np.ndarray, axis: int) -> float:
    """Return the sum of the cosines between the vectors of both along `axis`; of two that are 0 it is 1."""
    a, b = value.astype(np.float64), reference.astype(np.float64)
    norms = np.linalg.norm(a, axis=axis) * np.linalg.norm(b, axis=axis)
    alike = np.where(norms > 0, (a * b).sum(axis) / np.where(norms > 0, norms, 1), np.all(a == b, axis))
    return float(np.nan_to_num(alike).sum())


def _squares(value: np.ndarray) -> float:
    flat = value.astype(np.float64).ravel()
    return float(flat @ flat)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _relative(squared_error: float, squared: float) -> float | None:
    if not squared:
        return None if squared_error else 0.0
    ratio = math.sqrt(squared_error / squared)
    return ratio if math.isfinite(ratio) else None
