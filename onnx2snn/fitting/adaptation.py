"""Finds the cheapest graded spikes with which the converted network answers as the plain one does.

The network is run on held-back calibration samples. Where its spikes are too coarse, others of as many bits are tried
in all populations, with more levels or more mantissa bits, and more time steps. Where it is within the tolerance,
levels and mantissa bits are lowered in the populations that matter least to the output, until the tolerance is spent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from onnx2snn.fitting.groups import Setting, put, rank
from onnx2snn.fitting.inner import before_readout
from onnx2snn.fitting.lowering import cost, lower
from onnx2snn.fitting.trying import Clock, Look, Trier
from onnx2snn.settings.payload import bits_of
from onnx2snn_runtime.model import SpikingModel

SHARE, FEWEST = 20, 4
"""So many runs have to fit into what is left of the budget, or fewer samples are taken; and so few at least."""
MORE_STEPS = (1, 2, 4, 6, 10, 14)
MOST_LEVELS = 64


@dataclass
class Adaptation:
    """What adaptation did: the last error, the agreement, whether that is within tolerance, and what was changed.

    `levels` and `mantissa` hold those of populations that have others than before; `notes` say what was given up for
    what, in sentences. `not_finite` counts values of the outputs that are NaN or infinite in one of the two networks
    alone.
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
    clock = Clock(budget)
    start: Setting = {p.name: (p.attributes.levels, p.attributes.mantissa) for p in snn.program.populations}
    first = trier.look([timesteps])[0]
    search = _Search(trier, clock, tolerance, (lambda: progress(clock.share)) if progress else (lambda: None))
    setting, look = start, first
    if first.error > tolerance and clock.left > trier.seconds * timesteps:
        splits = [] if power else [_splits(bits + more, start) for more in range(more_bits + 1)]
        setting, look = search.reach(start, first, splits, MORE_STEPS if more_timesteps else ())
    if look.error <= tolerance and clock.left > 0:
        setting, look = search.spend(setting, look, seen or {})
    put(trier, setting)
    last = trier.look([look.timesteps])[0]
    return Adaptation(
        relative_error=last.error,
        agreement=trier.agreement(),
        reached=last.error <= tolerance and not trier.not_finite(),
        timesteps=look.timesteps,
        levels={name: now for name, (now, _) in setting.items() if now != start[name][0]},
        mantissa={name: now for name, (_, now) in setting.items() if now != start[name][1]},
        runs=trier.runs + search.runs,
        out_of_time=clock.left <= 0,
        not_finite=trier.not_finite(),
        notes=_notes(first, start, last, setting),
    )


class _Search:
    """The two stages: reach the tolerance, then spend what is left of it."""

    def __init__(self, trier: Trier, clock: Clock, tolerance: float, tell: Callable[[], None]) -> None:
        self.trier, self.clock, self.tolerance, self.tell = trier, clock, tolerance, tell
        self.runs = 0

    def reach(
        self, start: Setting, first: Look, splits: Sequence[Sequence[tuple[int, int]]], more: Sequence[int]
    ) -> tuple[Setting, Look]:
        """Return the cheapest of what is within the tolerance, or the nearest.

        What is tried are other splits of the bits, then those of more bits, then more time steps.
        """
        seen: list[tuple[Setting, Look]] = [(start, first)]
        for pairs in splits:
            if all(look.error > self.tolerance for _, look in seen):
                seen += self._looks([dict.fromkeys(start, split) for split in pairs], [first.timesteps])
        nearest = sorted(seen, key=lambda pair: pair[1].error)
        for setting, _ in nearest[:2]:
            for by in more:
                if any(look.error <= self.tolerance for _, look in seen):
                    break
                seen += self._looks([setting], [first.timesteps + by])
        fine = [pair for pair in seen if pair[1].error <= self.tolerance]
        return min(fine, key=lambda p: cost(p[1], p[0])) if fine else min(seen, key=lambda p: p[1].error)

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
        inner = self.trier.inside(before_readout(self.trier.snn))
        whole = inner.joined(seen, int(self.clock.left / SHARE / one) - inner.samples)
        few = whole.few(max(FEWEST, int(self.clock.left / SHARE / one / len(setting))))
        put(whole, setting)
        base = whole.look([look.timesteps])[0]
        if base.bound <= self.tolerance and whole.real:
            ranking = rank(few, setting, look.timesteps, self.tolerance, self.clock, self.tell)
            if ranking is not None:
                setting, look = lower(whole, ranking, setting, base, self.tolerance, self.clock, self._holds, self.tell)
        self.runs += sum(other.runs for other in {id(t): t for t in (whole, few)}.values() if other is not self.trier)
        return setting, look

    def _holds(self, setting: Setting, timesteps: int) -> bool:
        """Return whether the outputs, on the samples that were held back, are within the tolerance."""
        put(self.trier, setting)
        return self.trier.look([timesteps])[0].error <= self.tolerance


def _splits(bits: int, start: Setting) -> list[tuple[int, int]]:
    """Return the levels and mantissa bits that take `bits`, besides what all populations have at the start."""
    pairs = [(2**exponent, bits - 1 - exponent) for exponent in (4, 5, 3, 6) if exponent < bits]
    return [p for p in pairs if p[0] <= MOST_LEVELS and bits_of(*p) <= bits and set(start.values()) != {p}]


def _notes(first: Look, start: Setting, last: Look, setting: Setting) -> list[str]:
    """Return what was given up for what."""
    if setting == start and first.timesteps == last.timesteps:
        return []
    gone = [f"T={first.timesteps} -> {last.timesteps}"] if first.timesteps != last.timesteps else []
    for what, place in (("levels", 0), ("mantissa", 1)):
        before, after = ({pair[place] for pair in s.values()} for s in (start, setting))
        changed = sum(start[name][place] != setting[name][place] for name in start)
        if changed:
            gone.append(f"{what} {_span(before)} -> {_span(after)} in {changed} of {len(start)} populations")
    costs = [f"{cost(look, s):.3g}" for look, s in ((first, start), (last, setting))]
    events = [f"{look.events_per_neuron:.3g}" for look in (first, last)]
    return [
        f"{', '.join(gone)}: {costs[0]} -> {costs[1]} shift-adds and {events[0]} -> {events[1]} events a neuron, "
        f"relative error {first.error:.2%} -> {last.error:.2%}"
    ]


def _span(values: set[int]) -> str:
    return str(min(values)) if len(values) == 1 else f"{min(values)} to {max(values)}"
