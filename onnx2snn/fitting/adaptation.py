"""Chooses levels and mantissa bits for each population, so that the converted network answers as the ANN does.

One setting does not fit all: a logarithm of a spectrogram needs twice the levels of a classifier's ReLU. The network is
run on held-back calibration samples; while it is off by more than the tolerance, the populations whose own quantisation
moves the output most get more levels, or more mantissa bits, until it is not, or the time is spent.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from onnx2snn.evaluation.class_axis import agreement
from onnx2snn.evaluation.comparison import differing_in_finiteness
from onnx2snn.reference.aligned import aligned
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import trying
from onnx2snn_runtime.model import SpikingModel

MOST = {"levels": 32, "mantissa": 4}

MOVES = (("mantissa", 1), ("levels", 3), ("levels", 8))
"""What can be raised, and by how much at a time."""


@dataclass
class Adaptation:
    """What adaptation did: the last error, the agreement, whether that is within tolerance, and what was raised.

    `not_finite` counts values of the outputs that are NaN or infinite in one of the two networks alone.
    """

    relative_error: float
    agreement: float | None
    reached: bool
    raised: dict[str, int] = field(default_factory=dict)
    mantissa: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    out_of_time: bool = False
    not_finite: int = 0


class Adapter:
    """Runs `snn` on held-back `inputs` and moves the settings of its populations."""

    def __init__(self, snn: SpikingModel, inputs: Mapping[str, np.ndarray], timesteps: int, budget: float) -> None:
        self.snn = snn
        self.inputs = dict(inputs)
        self.timesteps = timesteps
        self.deadline = time.perf_counter() + budget
        self.runs = 0
        self.expected = run_ann(snn.proto, self.inputs, 8)
        self.seconds = 0.0
        self.events = 0.0

    @property
    def time_left(self) -> bool:
        """Whether another run fits into the budget."""
        return time.perf_counter() + self.seconds < self.deadline

    def outputs(self) -> dict[str, np.ndarray]:
        """Return the outputs of the network as it is set now."""
        start = time.perf_counter()
        with trying():
            run = self.snn.run(self.inputs, timesteps=self.timesteps, batch_size=16)
        result = run.outputs[self.timesteps]
        self.seconds = time.perf_counter() - start
        self.events = run.events_per_neuron[self.timesteps]
        self.runs += 1
        return result if isinstance(result, dict) else {self.snn.program.outputs[0].name: result}

    def error(self, outputs: Mapping[str, np.ndarray] | None = None) -> float:
        """Return the largest relative error among the float outputs, or 1 - agreement where there are none."""
        return relative_error(self.expected, self.outputs() if outputs is None else outputs)

    def cost(self) -> float:
        """Return the shift-and-adds of the last run for each neuron and synapse: a mantissa bit is half a one."""
        bits = [p.attributes.mantissa for p in self.snn.program.populations]
        return self.events * (1 + sum(bits) / len(bits) / 2)

    def change(self, names: Sequence[str], what: str, by: int) -> dict[str, int]:
        """Raise the levels or mantissa bits of the populations `names`, up to MOST; return what they had."""
        now = {p.name: getattr(p.attributes, what) for p in self.snn.program.populations}
        before = {name: now[name] for name in names}
        for name, value in before.items():
            self.snn.set_population(name, **{what: max(value, min(MOST[what], value + by))})
        return before

    def restore(self, what: str, before: Mapping[str, int]) -> None:
        """Undo a change."""
        for name, value in before.items():
            self.snn.set_population(name, **{what: value})


def adapt(
    snn: SpikingModel,
    inputs: Mapping[str, np.ndarray],
    *,
    timesteps: int = 4,
    tolerance: float = 0.01,
    budget: float = 60.0,
    progress: Callable[[float], None] | None = None,
) -> Adaptation:
    """Raise the levels and mantissa bits of `snn` until its relative error on `inputs` is at most `tolerance`.

    At most `budget` seconds are spent. `inputs` are samples that the ranges were not measured on.
    """
    adapter = Adapter(snn, inputs, timesteps, budget)
    start = {p.name: p.attributes for p in snn.program.populations}
    error = adapter.error()
    while error > tolerance and adapter.time_left:
        move = _best_move(adapter, list(start), error, tolerance)
        if move is None:
            break
        best, what, by = move
        goal = tolerance if best <= tolerance else min(best * 1.1, 0.95 * error)
        error = _raise_few(adapter, what, by, error, goal, progress)
    outputs = adapter.outputs()
    final = adapter.error(outputs)
    bad = _not_finite(adapter.expected, outputs)
    now = {p.name: p.attributes for p in snn.program.populations}
    return Adaptation(
        relative_error=final,
        agreement=agreement(snn, adapter.expected, outputs),
        reached=final <= tolerance and not bad,
        raised={n: a.levels for n, a in now.items() if a.levels != start[n].levels},
        mantissa={n: a.mantissa for n, a in now.items() if a.mantissa != start[n].mantissa},
        runs=adapter.runs,
        out_of_time=not adapter.time_left,
        not_finite=bad,
    )


def _best_move(adapter: Adapter, names: Sequence[str], error: float, tolerance: float) -> tuple[float, str, int] | None:
    """Try each move everywhere at once; return (error, what, by) of the cheapest that suffices, or the best one.

    None where nothing brings the error down by a twentieth.
    """
    tried = []
    for what, by in MOVES:
        before = adapter.change(names, what, by)
        tried.append((adapter.error(), adapter.cost(), what, by))
        adapter.restore(what, before)
    enough = [t for t in tried if t[0] <= tolerance]
    best = min(enough, key=lambda t: t[1]) if enough else min(tried)
    return None if best[0] > 0.95 * error else (best[0], best[2], best[3])


def _raise_few(
    adapter: Adapter,
    what: str,
    by: int,
    error: float,
    goal: float,
    progress: Callable[[float], None] | None,
) -> float:
    """Raise the populations that matter most, in order of what each alone does, until the error is at `goal`."""
    names = [p.name for p in adapter.snn.program.populations]
    effects: list[tuple[float, str]] = []
    for index, name in enumerate(names):
        if not adapter.time_left:
            break
        before = adapter.change([name], what, by)
        effects.append((adapter.error(), name))
        adapter.restore(what, before)
        if progress:
            progress((index + 1) / len(names))
    ranked = [name for _, name in sorted(effects)]
    ranked += [name for name in names if name not in set(ranked)]
    size = 1
    while ranked and error > goal:
        group, ranked = ranked[:size], ranked[size:]
        adapter.change(group, what, by)
        error = adapter.error()
        size *= 2  # the first matter most; further ones come in groups
    return error


def relative_error(expected: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> float:
    """Return max over float outputs of |outputs - expected| / |expected|; without any, the share that differs."""
    errors, differing = [], []
    for name in expected:
        value, got = aligned(expected[name], outputs[name])
        if value.dtype.kind != "f":
            differing.append(float(np.mean(got != value)))
            continue
        finite = np.isfinite(value)
        norm = float(np.linalg.norm(value[finite].astype(np.float64)))
        gap = np.nan_to_num(got[finite].astype(np.float64), nan=1e30, posinf=1e30, neginf=-1e30) - value[finite]
        distance = float(np.linalg.norm(gap))
        errors.append(distance / norm if norm else distance)
    return max(errors or differing or [0.0])


def _not_finite(expected: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> int:
    pairs = (aligned(value, outputs[name]) for name, value in expected.items())
    return sum(differing_in_finiteness(value, got) for value, got in pairs if value.dtype.kind == "f")
