"""Runs an exported NIR file in its reader and compares it with our own run, step by step and spike by spike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.export.base import Exported, Request
from onnx2snn.export.lines.targets import find_target
from onnx2snn.export.nir import chosen_dynamics
from onnx2snn.export.readers.base import READERS, Seen
from onnx2snn_runtime.errors import InputError

SAMPLES = 50
"""Samples that are run at a time."""


@dataclass
class Verification:
    """How the file's run in the reader compares with ours, of `samples` samples over `steps` steps.

    `agreement` is the share of samples with the same top-1 after the last step, `agreements` after every step;
    `relative_error` that of the decoded outputs; `spikes` our number of spikes, `differing` the share of them that the
    reader sent otherwise, by population in `by_population`; `several` the share of the reader's neurons and steps with
    more than one spike.
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


def _ours(request: Request, x: np.ndarray, facts: Mapping[str, Any]) -> tuple[dict[int, np.ndarray], dict[str, Any]]:
    """Return our decoded outputs after every step, and our spikes, 0 or 1, by population."""
    dynamics, initial = chosen_dynamics(request, find_target(facts["target"]))
    options = {"reset": dynamics.reset, "threshold": dynamics.threshold, "initial": initial}
    options |= {"leak": dynamics.keep} if facts["dynamics"] == "lif" else {}
    run = request.snn.run(
        x, range(1, request.steps + 1), executor="step", probes=["spikes"], dynamics=facts["dynamics"],
        dynamics_options=options, delay=0,
    )  # fmt: skip
    return run.outputs, {name: (value != 0).cpu().numpy() for name, value in run.probes["spikes"].items()}


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

    def add(self, ours: tuple[dict[int, np.ndarray], dict[str, Any]], seen: Seen) -> None:
        outputs, spikes = ours
        means = decoded(seen.outputs, self.leak)
        for t in range(self.steps):
            a, b = outputs[t + 1].reshape(len(means[t]), -1), means[t].reshape(len(means[t]), -1)
            self.same[t] += (a.argmax(1) == b.argmax(1)).sum()
        self.error += float(((a - b) ** 2).sum())
        self.norm += float((a**2).sum())
        for population, name in self.neurons.items():
            theirs = np.rint(seen.spikes[name])
            self.wrong[population] += int((spikes[population] != theirs).sum())
            self.spikes[population] += int(spikes[population].sum())
            self.several += int((theirs > 1).sum())
            self.places += theirs.size

    def result(self, target: str, samples: int) -> Verification:
        total = sum(self.spikes.values())
        return Verification(
            target, samples, self.steps, float(self.same[-1] / samples), (self.same / samples).tolist(),
            (self.error / max(self.norm, 1e-30)) ** 0.5, total, sum(self.wrong.values()) / max(1, total),
            self.several / max(1, self.places),
            {name: self.wrong[name] / max(1, self.spikes[name]) for name in self.neurons},
        )  # fmt: skip
