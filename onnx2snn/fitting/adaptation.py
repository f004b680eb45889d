"""Finds the cheapest graded spikes with which the converted network answers as the plain one does.

The network is run on held-back calibration samples. Where its spikes are too coarse, others of as many bits are tried
in all populations, with more levels or more mantissa bits, and more time steps. Where it is within the tolerance,
levels and mantissa bits are chosen population by population, by what an error there does to the output and what it
saves, until the tolerance is spent. Small spikes are multiples of the smallest (gradual underflow): fewer digits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from onnx2snn.fitting.groups import Setting, put, rank
from onnx2snn.fitting.inner import answering, before_answers
from onnx2snn.fitting.local import mean_digits, record
from onnx2snn.fitting.lowering import Lowering
from onnx2snn.fitting.notes import told
from onnx2snn.fitting.trying import FITTING, Clock, Look, Trier, digits
from onnx2snn.settings.payload import bits_of
from onnx2snn_runtime.model import SpikingModel

SHARE, FEWEST = 20, 4
"""So many runs have to fit into what is left of the budget, or fewer samples are taken; and so few at least."""
SPENT = 0.85
"""So much of the tolerance is spent: other samples than those at hand may be harder."""
MORE_STEPS = (1, 2, 4, 6, 10, 14)
MOST_LEVELS = 64
GAIN = 0.5
"""A bit more that leaves so much of the error is worth another bit rather than other levels."""


@dataclass
class Adaptation:
    """What adaptation did: the last error, the agreement, whether that is within tolerance, and what was changed.

    `levels` and `mantissa` hold those of populations that have others than before; `notes` say what was given up for
    what, in sentences. `not_finite` counts values of the outputs that are NaN or infinite in one of the two networks
    alone. `seconds` are those of a run of all samples, `left` those that are left of the budget.
    """

    relative_error: float
    agreement: float | None
    reached: bool
    timesteps: int
    levels: dict[str, int] = field(default_factory=dict)
    mantissa: dict[str, int] = field(default_factory=dict)
    runs: int = 0
    out_of_time: bool = False
    not_finite: int = 0
    seconds: float = 0.0
    left: float = 0.0
    notes: list[str] = field(default_factory=list)


def adapt(
    snn: SpikingModel,
    inputs: Mapping[str, np.ndarray],
    *,
    seen: Mapping[str, np.ndarray] | None = None,
    timesteps: int = 2,
    more_timesteps: bool = False,
    bits: int = 8,
    more_bits: int = 0,
    power: bool = False,
    tolerance: float = 0.01,
    budget: float = 60.0,
    progress: Callable[[float], None] | None = None,
) -> Adaptation:
    """Give `snn` the cheapest levels and mantissa bits whose relative error on `inputs` is at most `tolerance`.

    Spikes keep to `bits` (sign, levels, mantissa; a `power` has no mantissa), and get up to `more_bits` where these do
    not do. The number of time steps rises only with `more_timesteps`, and where nothing else does. At most `budget`
    seconds are spent from when the plain answers are there; what is best by then stands. `inputs` are samples that the
    ranges were not measured on; of `seen`, on which they were, as many as there is time for help to tell what the
    tolerance may be spent on.
    """
    trier = Trier(snn, inputs)
    clock = Clock(FITTING * budget)
    start: Setting = {p.name: (p.attributes.levels, p.attributes.mantissa) for p in snn.program.populations}
    first = trier.look([timesteps])[0]
    before = mean_digits(record(trier, timesteps))
    tell = (lambda: progress(clock.share)) if progress else (lambda: None)
    search = _Search(trier, clock, tolerance, tell, bits, more_bits, power)
    setting, look = start, first
    if first.error > tolerance and clock.left > trier.seconds * timesteps:
        splits = [] if power else [_splits(bits + more, start) for more in range(more_bits + 1)]
        setting, look = search.reach(start, first, splits, MORE_STEPS if more_timesteps else ())
    if look.error <= tolerance and clock.left > 0:
        setting, look = search.spend(setting, look, seen or {})
    put(trier, setting)
    last = trier.look([look.timesteps])[0]
    after = before if setting == start else search.digits or mean_digits(record(trier, look.timesteps))
    notes = told(first, start, last, setting, (first.shift_adds(before), last.shift_adds(after)))
    done = _done(trier, start, setting, last, tolerance)
    left = clock.left + (1 - FITTING) * budget
    late = clock.left <= 0 or search.cut_short
    if late and done.reached and budget:
        notes.append(
            f"the {budget:g} s of adaptation were spent: spikes may be finer, and cost more, than the tolerance asks "
            "for; give a larger budget"
        )
    return replace(done, runs=trier.runs + search.runs, out_of_time=late, left=left, notes=notes)


def _done(trier: Trier, start: Setting, setting: Setting, last: Look, tolerance: float) -> Adaptation:
    """Return what came of the last run, and what was changed."""
    return Adaptation(
        relative_error=last.error,
        agreement=trier.agreement(),
        reached=last.error <= tolerance and not trier.not_finite(),
        timesteps=last.timesteps,
        levels={name: now for name, (now, _) in setting.items() if now != start[name][0]},
        mantissa={name: now for name, (_, now) in setting.items() if now != start[name][1]},
        not_finite=trier.not_finite(),
        seconds=trier.seconds * last.timesteps,
    )


class _Search:
    """The two stages: reach the tolerance, then spend what is left of it."""

    def __init__(
        self,
        trier: Trier,
        clock: Clock,
        tolerance: float,
        tell: Callable[[], None],
        bits: int,
        more_bits: int,
        power: bool,
    ) -> None:
        self.trier, self.clock, self.tolerance, self.tell = trier, clock, tolerance, tell
        self.runs, self.cut_short = 0, False
        self.digits: Mapping[str, float] = {}
        """The signed digits of a spike of each population with what `spend` found, where it found anything."""
        self.bits, self.more_bits, self.power = bits, more_bits, power

    def reach(
        self, start: Setting, first: Look, splits: Sequence[Sequence[tuple[int, int]]], more: Sequence[int]
    ) -> tuple[Setting, Look]:
        """Return the cheapest of what is within the tolerance, or the nearest.

        What is tried are other splits of the bits, then those of more bits, then more time steps. With more bits the
        levels that did best so far come first, and the others only where those gain little.
        """
        seen: list[tuple[Setting, Look]] = [(start, first)]
        for stage, pairs in enumerate(splits):
            for split in _best_first(pairs, seen) if stage else pairs:
                least = min(look.error for _, look in seen)
                if least <= self.tolerance and stage:
                    break
                seen += self._looks([dict.fromkeys(start, split)], [first.timesteps])
                if stage and seen[-1][1].error < GAIN * least:
                    break
            if min(look.error for _, look in seen) <= self.tolerance:
                break
        nearest = sorted(seen, key=lambda pair: pair[1].error)
        for setting, _ in nearest[:2]:
            for by in more:
                if any(look.error <= self.tolerance for _, look in seen):
                    break
                seen += self._looks([setting], [first.timesteps + by])
        fine = [pair for pair in seen if pair[1].error <= self.tolerance]
        return min(fine, key=lambda p: _usual_cost(p[1], p[0])) if fine else min(seen, key=lambda p: p[1].error)

    def _looks(self, settings: Sequence[Setting], steps: list[int]) -> list[tuple[Setting, Look]]:
        """Return what the settings give, those that there is time for."""
        found = []
        for setting in settings:
            if self.clock.left < self.trier.seconds * steps[-1]:
                break
            put(self.trier, setting)
            found += [(setting, look) for look in self.trier.look(steps)]
            self.tell()
        return found

    def spend(self, setting: Setting, look: Look, seen: Mapping[str, np.ndarray]) -> tuple[Setting, Look]:
        """Return a setting that costs less, and still is within the tolerance: on more samples, and before readouts."""
        one = self.trier.seconds * look.timesteps / self.trier.samples
        chosen = setting
        inner = self.trier.inside(before_answers(self.trier.snn))
        whole = inner.joined(seen, int(self.clock.left / SHARE / one) - inner.samples)
        few = whole.few(max(FEWEST, int(self.clock.left / SHARE / one / len(setting))))
        _make_gradual((self.trier.snn, inner.snn), setting, 1)
        put(whole, setting)
        base = whole.look([look.timesteps])[0]
        if base.bound <= SPENT * self.tolerance and whole.real:
            targets = record(whole, look.timesteps)
            groups = rank(few, setting, look.timesteps, self.clock, self.tell)
            self.cut_short = groups is None
            if groups is not None:
                lowering = Lowering(whole, look.timesteps, SPENT * self.tolerance, self._most_bits(setting), self.power)
                lowering.kept = {node.name or node.output[0] for node in answering(self.trier.snn)}
                lowering.weigh(groups, setting, targets)
                chosen, look = lowering.run(setting, base, targets, self.clock, self._excess, self.tell)
                self.digits = {} if chosen is setting else mean_digits(lowering.best)
        if chosen is setting:
            _make_gradual((self.trier.snn,), setting, 0)
        self.runs += sum(other.runs for other in {id(t): t for t in (whole, few)}.values() if other is not self.trier)
        return chosen, look

    def _excess(self, setting: Setting, timesteps: int) -> float:
        """Return the bound of the outputs' errors over the tolerance, on the samples that were held back.

        Those that set the ranges are easier: with them alone the tolerance would be spent on others' account.
        """
        put(self.trier, setting)
        return self.trier.look([timesteps])[0].bound / self.tolerance

    def _most_bits(self, setting: Setting) -> int:
        """Return the bits that a spike may have: more than asked for where these did not do."""
        used = max(bits_of(*pair) for pair in setting.values())
        return self.bits if used <= self.bits else self.bits + self.more_bits


def _splits(bits: int, start: Setting) -> list[tuple[int, int]]:
    """Return the levels and mantissa bits that take `bits`, besides what all populations have at the start."""
    pairs = [(2**exponent, bits - 1 - exponent) for exponent in (4, 5, 3, 6) if exponent < bits]
    return [p for p in pairs if p[0] <= MOST_LEVELS and bits_of(*p) <= bits and set(start.values()) != {p}]


def _best_first(pairs: Sequence[tuple[int, int]], seen: Sequence[tuple[Setting, Look]]) -> list[tuple[int, int]]:
    """Return the pairs, in the order of the errors that their levels left so far."""

    def error(levels: int) -> float:
        found = [look.error for setting, look in seen if all(each == levels for each, _ in setting.values())]
        return min(found, default=np.inf)

    return sorted(pairs, key=lambda pair: error(pair[0]))


def _make_gradual(networks: Sequence[SpikingModel], setting: Setting, gradual: int) -> None:
    """Have small spikes of all populations be multiples of the smallest (1), or not (0)."""
    for snn in networks:
        for name in setting:
            snn.set_population(name, gradual=gradual)


def _usual_cost(look: Look, setting: Setting) -> float:
    """Return the shift-adds a neuron and synapse of payloads that have as many digits as is usual."""
    return look.shift_adds({name: digits(mantissa) for name, (_, mantissa) in setting.items()})
