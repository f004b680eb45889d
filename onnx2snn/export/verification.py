"""Runs an exported NIR file in its reader and compares it with our own run, step by step and spike by spike."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.export.base import Exported, Request
from onnx2snn.export.lines.targets import find_target
from onnx2snn.export.margins import ROUNDING, first_margins, watched
from onnx2snn.export.nir import chosen_dynamics
from onnx2snn.export.readers.base import READERS, Seen
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.program.inputs import check_input, to_device

Ours = tuple[dict[int, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]

SAMPLES = 50
"""Samples that are run at a time."""


@dataclass
class Verification:
    """How the file's run in the reader compares with ours, of `samples` samples over `steps` steps.

    `agreement` is the share of samples with the same top-1 after the last step, `agreements` after every step;
    `relative_error` that of the decoded outputs; `spikes` our number of spikes, `differing` the share of them that the
    reader sent otherwise, by population in `by_population`; `several` the share of the reader's neurons and steps with
    more than one spike. In `differing_samples` samples some spikes differ; in `rounded_samples` of them the first that
    does is one of a membrane within `margins.ROUNDING` of its threshold, and `first_margin` is the largest distance of
    these first ones, as a share of the threshold.
    """

    target: str
    samples: int = 0
    steps: int = 0
    agreement: float = 0.0
    agreements: list[float] = field(default_factory=list)
    relative_error: float = 0.0
    spikes: int = 0
    differing: float = 0.0
    several: float = 0.0
    by_population: dict[str, float] = field(default_factory=dict)
    differing_samples: int = 0
    rounded_samples: int = 0
    first_margin: float = 0.0

    @property
    def explanation(self) -> str:
        """A sentence on what made spikes differ, "" where none does."""
        if not self.differing_samples:
            return ""
        if self.rounded_samples == self.differing_samples:
            return (
                f"in each of the {self.differing_samples} samples with spikes that differ the first of them is one of "
                f"a membrane within {self.first_margin:.1g} of its threshold: sums are rounded in another order, and "
                "what differs behind it follows"
            )
        return (
            f"in {self.differing_samples - self.rounded_samples} of {self.differing_samples} samples with spikes that "
            f"differ the first of them is no matter of rounding (up to {self.first_margin:.2g} of the threshold)"
        )


def verify(request: Request, exported: Exported, inputs: np.ndarray | Mapping[str, np.ndarray]) -> Verification:
    """Return how `exported`, a NIR file, runs in the reader that it was written for, on `inputs` [samples, ...]."""
    if "target" not in exported.facts:
        raise InputError("only NIR files are run in another simulator: an onnx-step file runs in onnxruntime")
    x = next(iter(inputs.values())) if isinstance(inputs, Mapping) else inputs
    tally = _Tally(exported.facts["neurons"], request.steps, exported.facts["leak"])
    reader = READERS[exported.facts["target"]]
    names = list(exported.facts["neurons"].values())
    for start in range(0, len(x), SAMPLES):
        part = np.ascontiguousarray(x[start : start + SAMPLES], np.float32)
        tally.add(_ours(request, part, exported.facts), reader(Path(exported.files[0]), part, request.steps, names))
    return tally.result(exported.facts["target"], len(x))


def _ours(request: Request, x: np.ndarray, facts: Mapping[str, Any]) -> Ours:
    """Return our decoded outputs after every step, our spikes, 0 or 1, and the margins of membranes, by population."""
    dynamics, initial = chosen_dynamics(request, find_target(facts["target"]))
    program = request.snn.program
    inputs = {port.name: to_device(check_input(x, port), port, program) for port in program.inputs}
    return watched(program, inputs, replace(dynamics, initial=initial), request.steps)


def decoded(outputs: np.ndarray, leak: float = 1.0) -> np.ndarray:
    """Return the (leaky) means of `outputs` [T, ...] up to every step, which are the answers after it."""
    total, weight, means = np.zeros_like(outputs[0], np.float64), 0.0, []
    for step in outputs:
        total, weight = leak * total + step, leak * weight + 1.0
        means.append(total / weight)
    return np.stack(means)


class _Tally:
    def __init__(self, neurons: Mapping[str, str], steps: int, leak: float) -> None:
        self.neurons, self.steps, self.leak = neurons, steps, leak
        self.same = np.zeros(steps)
        self.wrong = dict.fromkeys(neurons, 0)
        self.spikes = dict.fromkeys(neurons, 0)
        self.several, self.places = 0, 0
        self.error, self.norm = 0.0, 0.0
        self.first: list[float] = []

    def add(self, ours: Ours, seen: Seen) -> None:
        outputs, spikes, margins = ours
        means = decoded(seen.outputs, self.leak)
        for t in range(self.steps):
            a, b = outputs[t + 1].reshape(len(means[t]), -1), means[t].reshape(len(means[t]), -1)
            self.same[t] += (a.argmax(1) == b.argmax(1)).sum()
        self.error += float(((a - b) ** 2).sum())
        self.norm += float((a**2).sum())
        differs = []
        for population, name in self.neurons.items():
            theirs = np.rint(seen.spikes[name])
            differs.append(spikes[population] != theirs.reshape(spikes[population].shape))
            self.wrong[population] += int(differs[-1].sum())
            self.spikes[population] += int(spikes[population].sum())
            self.several += int((theirs > 1).sum())
            self.places += theirs.size
        self.first += first_margins(differs, [margins[population] for population in self.neurons])

    def result(self, target: str, samples: int) -> Verification:
        total = sum(self.spikes.values())
        return Verification(
            target, samples, self.steps, float(self.same[-1] / samples), (self.same / samples).tolist(),
            (self.error / max(self.norm, 1e-30)) ** 0.5, total, sum(self.wrong.values()) / max(1, total),
            self.several / max(1, self.places),
            {name: self.wrong[name] / max(1, self.spikes[name]) for name in self.neurons},
            len(self.first), sum(margin <= ROUNDING for margin in self.first), max(self.first, default=0.0),
        )  # fmt: skip
