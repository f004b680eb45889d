"""Finds the cheapest graded spikes with which the converted network answers as the plain one does.

The network is run on held-back calibration samples. Where its spikes are too coarse, others of as many bits are tried
in all populations, with more levels or more mantissa bits, and more time steps. Where it is within the tolerance,
levels and mantissa bits are chosen population by population, by what an error there does to the output and what it
saves, until the tolerance is spent. Small spikes are multiples of the smallest (gradual underflow): fewer digits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from onnx2snn.fitting.groups import Setting, put
from onnx2snn.fitting.local import mean_digits, record
from onnx2snn.fitting.notes import told
from onnx2snn.fitting.spending import Spending
from onnx2snn.fitting.trying import FITTING, Clock, Look, Trier, digits
from onnx2snn.reference.ann import Reference
from onnx2snn.settings.payload import bits_of
from onnx2snn_runtime.model import SpikingModel

MORE_STEPS = (1, 2, 4, 6, 10, 14)
MOST_LEVELS = 64
GAIN = 0.5
"""A bit more that leaves so much of the error is worth another bit rather than other levels."""

LATE = (
    "the {:g} s of adaptation were spent: spikes may be finer, and cost more, than the tolerance asks "
    "for; give a larger budget"
)


@dataclass
class Adaptation:
    """What adaptation did: the last error, the agreement, whether that is within tolerance, and what was changed.

    `levels` and `mantissa` hold those of populations that have others than before; `notes` say what was given up for
    what, in sentences. `not_finite` counts values of the outputs that are NaN or infinite in one of the two networks
    alone. `expected` is what the plain network answers. `seconds` are those of a run of all samples, `left` those that
    are left of the budget.
    """

    relative_error: float
    agreement: float | None
    reached: bool
    timesteps: int
    expected: Mapping[str, Any]
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
    reference: Reference | None = None,
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
    ranges were not measured on, `reference` what the plain network answers to them, by default that of the IR; of
    `seen`, on which they were measured, as many as there is time for help to tell what the tolerance may be spent on.
    """
    trier = Trier(snn, inputs, reference)
    clock = Clock(FITTING * budget)
    start: Setting = {p.name: (p.attributes.levels, p.attributes.mantissa) for p in snn.program.populations}
    first = trier.look([timesteps])[0]
    before = mean_digits(record(trier, timesteps))
    tell = (lambda: progress(clock.share)) if progress else (lambda: None)
    spending = Spending(trier, clock, tolerance, tell)
    setting, look = start, first
    if first.error > tolerance and clock.left > trier.seconds * timesteps:
        splits = [] if power else [_splits(bits + more, start) for more in range(more_bits + 1)]
        reaching = _Reaching(trier, clock, tolerance, tell)
        setting, look = reaching.run(start, first, splits, MORE_STEPS if more_timesteps else ())
    if look.error <= tolerance and clock.left > 0:
        most = bits if max(bits_of(*pair) for pair in setting.values()) <= bits else bits + more_bits
        setting, look = spending.run(setting, look, seen or {}, most, power)
    put(trier, setting)
    last = trier.look([look.timesteps])[0]
    after = before if setting == start else spending.digits or mean_digits(record(trier, look.timesteps))
    notes = told(first, start, last, setting, (first.shift_adds(before), last.shift_adds(after)))
    done = _done(trier, start, setting, last, tolerance)
    left = clock.left + (1 - FITTING) * budget
    late = clock.left <= 0 or spending.late
    if done.reached:
        notes += [LATE.format(budget)] if late and budget else spending.notes
    return replace(done, runs=trier.runs + spending.runs, out_of_time=late, left=left, notes=notes)


def _done(trier: Trier, start: Setting, setting: Setting, last: Look, tolerance: float) -> Adaptation:
    """Return what came of the last run, and what was changed."""
    return Adaptation(
        relative_error=last.error,
        agreement=trier.agreement(),
        reached=last.error <= tolerance and not trier.not_finite(),
        timesteps=last.timesteps,
        expected=trier.expected,
        levels={name: now for name, (now, _) in setting.items() if now != start[name][0]},
        mantissa={name: now for name, (_, now) in setting.items() if now != start[name][1]},
        not_finite=trier.not_finite(),
        seconds=trier.seconds * last.timesteps,
    )


class _Reaching:
    """The first stage: what reaches the tolerance."""

    def __init__(self, trier: Trier, clock: Clock, tolerance: float, tell: Callable[[], None]) -> None:
        self.trier, self.clock, self.tolerance, self.tell = trier, clock, tolerance, tell

    def run(
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


def _usual_cost(look: Look, setting: Setting) -> float:
    """Return the shift-adds a neuron and synapse of payloads that have as many digits as is usual."""
    return look.shift_adds({name: digits(mantissa) for name, (_, mantissa) in setting.items()})
