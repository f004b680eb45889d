"""Searches the settings of a spiking network for a target on sample data, within a time budget.

A trial runs the network once and reads its figures at several numbers of time steps. The search begins with a grid of
schedules (of levels and mantissa bits for graded spikes), and goes on from the best by single steps, also population by
population, as long as that helps and time is left. What was not dominated is the frontier.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Unpack

import numpy as np

from onnx2snn.data.readers import Samples
from onnx2snn.data.samples import taken
from onnx2snn.fitting.candidates import Setting, grid, neighbours
from onnx2snn.fitting.looking import Looks, Trials, here
from onnx2snn.fitting.payloads import other_payloads
from onnx2snn.fitting.trials import Goal, Point, Tuner
from onnx2snn.reference.sandbox import try_network
from onnx2snn.settings.search import SearchKeywords, SearchSettings, collect_search
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.model import SpikingModel

FEWEST = 16
"""Samples that a trial takes at least, where there are as many."""
TRIALS = 50
"""Trials that the number of samples is chosen for, by the time that one takes."""
MOST_HELD_BACK = 256


@dataclass
class Tuning:
    """What `tune` found: its choice, on the samples of the search and on those held back, and the frontier.

    `settings` are those that the search was asked for.
    """

    chosen: Point
    reached: bool
    before: Point
    held_back: Point | None
    frontier: list[Point]
    trials: int
    samples: int
    seconds: float
    out_of_time: bool
    settings: SearchSettings = field(default_factory=SearchSettings)


@Stage("the search")
def tune(
    snn: SpikingModel,
    samples: Samples,
    *,
    settings: SearchSettings | None = None,
    progress: Callable[[str, float], None] | None = None,
    trials: Trials = here,
    **keywords: Unpack[SearchKeywords],
) -> Tuning:
    """Give `snn` the setting that reaches the targets on `samples` in the fewest time steps, then with fewest events.

    Without a target it is the setting of the least relative error. What is chosen reaches them within the uncertainty
    of the samples that it was chosen on, and on samples held back; where nothing does the nearest is taken, and
    `reached` is False. Schedule, levels, mantissa bits, scales and the number of time steps are changed. Targets,
    bounds, budget and seed are keywords, or the object that holds them: SearchSettings says what they mean. With
    `payload` the frontier holds other payloads, too. `trials` says where settings are tried. What does not fit raises
    InputError.
    """
    begun = time.perf_counter()
    asked = collect_search(settings, keywords)
    goal = Goal(asked.timesteps or snn.defaults.timesteps, asked.target_agreement, asked.target_error, asked.max_events)
    try_network(snn)
    tuner = Tuner(snn, _shuffled(samples, asked.seed, snn.program.axes), goal.steps)
    if goal.agreement is not None and tuner.axis is None:
        raise InputError(f"the output {tuner.port.name!r} has no classes to agree on: give a target error")
    with trials(tuner) as looks:
        search = _Search(tuner, goal, begun, asked.budget, progress or (lambda stage, share: None), looks)
        search.run()
    best, setting, held_back = search.confirmed()
    kept = search.costed(frontier(search.points, by_agreement=goal.agreement is not None))
    if asked.payload is not None:
        kept += other_payloads(tuner, asked.payload, slice(0, search.count), asked.budget, progress)
    tuner.put(setting)
    snn.set_defaults(timesteps=best.timesteps)
    return Tuning(
        chosen=best,
        reached=goal.met(best) if held_back is None else replace(goal, careful=False).met(held_back),
        before=search.points[len(goal.steps) - 1],
        held_back=held_back,
        frontier=frontier(kept, by_agreement=goal.agreement is not None),
        trials=search.trials,
        samples=search.count,
        seconds=time.perf_counter() - begun,
        out_of_time=not search.time_left,
        settings=asked,
    )


class _Search:
    """The grid, then single steps from the best; `points` is all that was seen."""

    def __init__(
        self,
        tuner: Tuner,
        goal: Goal,
        begun: float,
        budget: float,
        progress: Callable[[str, float], None],
        looks: Looks,
    ) -> None:
        self.looks = looks
        self.tuner, self.goal, self.begun, self.budget, self.progress = tuner, goal, begun, budget, progress
        self.points: list[Point] = []
        self.seen: list[tuple[Point, Setting]] = []
        self.count = min(FEWEST, tuner.samples.count)
        self.seconds = 0.0
        self.trials = 0

    @property
    def time_left(self) -> bool:
        """Whether another trial fits into the budget."""
        return time.perf_counter() + self.seconds < self.begun + self.budget

    def run(self) -> tuple[Point, Setting]:
        """Return the best point and its setting."""
        self._trial(Setting())  # the first is slower than the others: it warms up
        self.points, self.seen, self.trials = [], [], 0
        start = time.perf_counter()
        best, setting = self._trial(Setting()), Setting()
        one = (time.perf_counter() - start) / self.count
        affordable = int((self.budget - (time.perf_counter() - self.begun)) / TRIALS / max(one, 1e-9))
        if affordable > self.count < self.tuner.samples.count:
            self.count = min(affordable, max(FEWEST, self.tuner.samples.count * 3 // 4))
            self.points, self.seen = [], []
            best = self._trial(setting)
        settings = grid(self.tuner.defaults.dynamics, self._scheduled(), self.goal.timesteps)
        best, setting, _ = self._improve(settings[1:], best, setting, stop_at_first=False)
        names = list(self.tuner.own)
        improved = True
        while improved and self.time_left:
            steps = neighbours(setting, self.tuner.defaults, names)
            best, setting, improved = self._improve(steps, best, setting, stop_at_first=True)
        return best, setting

    def confirmed(self) -> tuple[Point, Setting, Point | None]:
        """Return the first choice that does on samples that the search did not see, its setting and how it does there.

        The choices are tried in their order, each one of a smaller error than that before; the first of all is returned
        where none does, and where there are no other samples.
        """
        order = sorted(self.seen, key=lambda pair: self.goal.key(pair[0]))
        first, raw, least = None, replace(self.goal, careful=False), float("inf")
        for point, setting in order:
            if point.relative_error >= least:
                continue
            least = point.relative_error
            there = self._held_back(point, setting)
            first = first or (point, setting, there)
            if there is None or raw.met(there):
                return point, setting, there
            if not self.time_left:
                break
        return first or (*order[0], None)

    def costed(self, points: Iterable[Point]) -> list[Point]:
        """Return `points` with their shift-adds and energies, which are counted in runs of their own."""
        settings = {str(setting): setting for _, setting in self.seen}
        made = {
            name: {p.timesteps: p for p in self.tuner.look(settings[name], slice(0, self.count), operations=True)}
            for name in dict.fromkeys(point.setting for point in points)
        }
        return [made[point.setting][point.timesteps] for point in points]

    def _held_back(self, point: Point, setting: Setting) -> Point | None:
        """Return the figures of `point` on samples that the search did not see; None where there are none."""
        rest = slice(self.count, min(self.tuner.samples.count, self.count + MOST_HELD_BACK))
        if rest.start >= rest.stop:
            return None
        return next(p for p in self.tuner.look(setting, rest) if p.timesteps == point.timesteps)

    def _improve(
        self, settings: Iterable[Setting], best: Point, setting: Setting, stop_at_first: bool
    ) -> tuple[Point, Setting, bool]:
        improved, start = False, time.perf_counter()
        for candidate, found in self.looks(self._in_time(settings), slice(0, self.count)):
            point = self._seen(candidate, found, start)
            start = time.perf_counter()
            if self.goal.key(point) < self.goal.key(best):
                best, setting, improved = point, candidate, True
                if stop_at_first:
                    break
        return best, setting, improved

    def _trial(self, setting: Setting) -> Point:
        """Look at `setting` and return the best of its points."""
        start = time.perf_counter()
        return self._seen(setting, self.tuner.look(setting, slice(0, self.count)), start)

    def _in_time(self, settings: Iterable[Setting]) -> Iterator[Setting]:
        """Yield `settings` while another trial fits into the budget."""
        return itertools.takewhile(lambda setting: self.time_left, settings)

    def _seen(self, setting: Setting, found: list[Point], start: float) -> Point:
        """Take the points of `setting`, tried since `start`, and return the best of them."""
        self.seconds = time.perf_counter() - start
        self.trials += 1
        self.points += found
        self.seen += [(point, setting) for point in found]
        self.progress("tuning", min(1.0, (time.perf_counter() - self.begun) / self.budget))
        return min(found, key=self.goal.key)

    def _scheduled(self) -> bool:
        return "schedule" in getattr(DYNAMICS[self.tuner.defaults.dynamics], "__dataclass_fields__", {})


def frontier(points: Iterable[Point], by_agreement: bool) -> list[Point]:
    """Return the points of which no other of their payload is as good in all figures, by payload and time steps."""

    def figures(point: Point) -> tuple[float, ...]:
        quality = point.relative_error if not by_agreement or point.agreement is None else 1 - point.agreement
        return (point.timesteps, point.events_per_neuron, point.shift_adds_per_neuron or 0.0, quality)

    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.payload, *figures(p))):
        rivals = [figures(k) for k in kept if k.payload == point.payload]
        if all(any(a > b for a, b in zip(rival, figures(point), strict=True)) for rival in rivals):
            kept.append(point)
    return kept


def _shuffled(samples: Samples, seed: int, axes: BatchAxes) -> Samples:
    order = np.random.default_rng(seed).permutation(samples.count)
    inputs = taken(samples.inputs, order, axes)
    return replace(samples, inputs=inputs, labels=None if samples.labels is None else samples.labels[order])
