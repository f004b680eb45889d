"""Runs a spiking network as it is set, on samples, and says how far off it is and what it sends, within a budget."""

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2snn.data.samples import sample_count, taken
from onnx2snn.evaluation.class_axis import agreement
from onnx2snn.evaluation.comparison import differing_in_finiteness
from onnx2snn.fitting.errors import error_bound, is_real, relative_error
from onnx2snn.reference.aligned import aligned
from onnx2snn.reference.ann import Ann, Reference
from onnx2snn_runtime.errors import trying
from onnx2snn_runtime.model import SpikingModel

BATCH, BATCH_PLAIN = 16, 8
FITTING = 0.8
"""So much of a budget goes into the search; the rest is for the last run, advice, and counting operations."""


class Clock:
    """A time budget in seconds, from now on."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.start = time.perf_counter()

    @property
    def left(self) -> float:
        """The seconds that are left; below 0 when it is overdrawn."""
        return self.start + self.budget - time.perf_counter()

    @property
    def share(self) -> float:
        """The share of the budget that is spent, 0 to 1."""
        return min(1.0, max(0.0, 1 - self.left / self.budget)) if self.budget else 1.0


@dataclass(frozen=True)
class Look:
    """What came of a run after `timesteps`: the largest relative error of an output, and what was sent.

    `events` are those of each population, by name, a sample; `neurons` those of the network. `bound` is what the error
    may well be on other samples of the same kind: two standard errors above what it is on these.
    """

    timesteps: int
    error: float
    events: Mapping[str, float]
    neurons: int
    bound: float = 0.0

    @property
    def events_per_neuron(self) -> float:
        """The spikes that a neuron sent, on average."""
        return sum(self.events.values()) / max(1, self.neurons)

    def shift_adds(self, each: Mapping[str, float]) -> float:
        """Return the shift-adds a neuron and synapse, where a spike of a population has so many digits."""
        return sum(sent * each[name] for name, sent in self.events.items()) / max(1, self.neurons)


class Trier:
    """Runs `snn` on `inputs`; the plain network's answers to them are its `reference`, or computed here, once."""

    def __init__(self, snn: SpikingModel, inputs: Mapping[str, np.ndarray], reference: Reference | None = None) -> None:
        self.snn = snn
        self.inputs = dict(inputs)
        self.axes = snn.program.axes
        self.plain = reference.ann if reference else Ann(snn.proto)
        self.expected = reference.expected if reference else self.plain(self.inputs, BATCH_PLAIN)
        self.samples = sample_count(self.inputs, self.axes)
        self.limits: Mapping[str, float] = {}
        """By output: its error counts in this unit, 1 by default."""
        self.runs = 0
        self.neurons = 0
        self.seconds = 0.0
        """What the last run took a time step."""
        self.outputs: dict[str, Any] = {}
        """What the last run gave after its last step."""

    @property
    def real(self) -> bool:
        """Whether an output is a number: the error of whole numbers on a few samples says little."""
        return any(is_real(value) for value in self.expected.values())

    def inside(self, snn: SpikingModel) -> "Trier":
        """Return one that runs `snn`, which has the same inputs, on the same samples."""
        return self if snn is self.snn else Trier(snn, self.inputs)

    def few(self, count: int) -> "Trier":
        """Return one that runs on `count` of the samples; on all, where they act on each other."""
        inputs, kept = self.some(count)
        return self if kept == self.samples else self._like(inputs)

    def some(self, count: int) -> tuple[dict[str, np.ndarray], int]:
        """Return `count` of the samples and their number; all, where they act on each other."""
        if count >= self.samples or self.axes.joint:
            return self.inputs, self.samples
        return taken(self.inputs, _spread(self.samples, count), self.axes), count

    def joined(self, others: Mapping[str, np.ndarray], count: int) -> "Trier":
        """Return one that runs on `count` of the samples in `others` as well, or on all of them."""
        if not others or count < 1 or self.axes.joint or not self.axes.inputs:
            return self
        there = sample_count(others, self.axes)
        more = taken(others, _spread(there, min(count, there)), self.axes)
        along = {name: self.axes.along(name, value.ndim) for name, value in self.inputs.items()}
        whole = {
            name: value if along[name] is None else np.concatenate([value, more[name]], along[name])
            for name, value in self.inputs.items()
        }
        return self._like(whole)

    def _like(self, inputs: Mapping[str, np.ndarray]) -> "Trier":
        """Return one of the same network on other samples."""
        other = Trier(self.snn, inputs, Reference(self.plain, self.plain(inputs, BATCH_PLAIN)))
        other.limits = self.limits
        return other

    def look(self, steps: Sequence[int]) -> list[Look]:
        """Return what comes of the network, as it is set now, after each of `steps`, ascending."""
        start = time.perf_counter()
        with trying():
            run = self.snn.run(self.inputs, list(steps), batch_size=BATCH, probes=["events"])
        sent = {name: counts.cumsum(0) for name, counts in run.probes["events"].items()}
        looks = []
        for t in steps:
            self.outputs = self._named(run.outputs[t])
            events = {name: float(counts[t - 1]) / self.samples for name, counts in sent.items()}
            found = [(self.limits.get(name, 1.0), *each) for name, each in self.errors().items()]
            error, bound = (max(each[place] / each[0] for each in found) for place in (1, 2))
            looks.append(Look(t, error, events, run.neurons, max(error, bound)))
        self.seconds = (time.perf_counter() - start) / steps[-1]
        self.runs, self.neurons = self.runs + 1, run.neurons
        return looks

    def errors(self) -> dict[str, tuple[float, float]]:
        """Return the relative error of every output of numbers, in the last run, and what it may well be.

        Without any, that of all together: the share that differs.
        """
        found = {}
        for name in [name for name, value in self.expected.items() if is_real(value)]:
            wanted, got = {name: self.expected[name]}, {name: self.outputs[name]}
            error = relative_error(wanted, got)
            found[name] = (error, max(error, error_bound(wanted, got, self.axes.outputs)))
        return found or {"": (relative_error(self.expected, self.outputs), 0.0)}

    def _named(self, outputs: Any) -> dict[str, Any]:
        return dict(outputs) if isinstance(outputs, dict) else {self.snn.program.outputs[0].name: outputs}

    def agreement(self) -> float | None:
        """Return the share of equal top-1 of the last run, None for outputs without classes."""
        return agreement(self.snn, self.expected, self.outputs)

    def not_finite(self) -> int:
        """Return how many values of the last run are NaN or infinite where those expected are not, or the reverse."""
        pairs = (aligned(value, self.outputs[name]) for name, value in self.expected.items())
        return sum(differing_in_finiteness(value, got) for value, got in pairs if value.dtype.kind == "f")


def _spread(samples: int, count: int) -> np.ndarray:
    """Return `count` places among `samples`, evenly."""
    return np.linspace(0, samples - 1, count).astype(int)


@functools.cache
def digits(mantissa: int) -> float:
    """Return the mean number of signed digits of a payload of so many bits behind its leading one: its shift-adds.

    1.75 = 2 - 1/4 is two adds. The non-adjacent form has the fewest: the ones of n xor 3 n (Reitwiesner, 1960).
    """
    kept = min(mantissa, 16)
    return sum((n ^ (3 * n)).bit_count() for n in range(1 << kept, 2 << kept)) / (1 << kept)
