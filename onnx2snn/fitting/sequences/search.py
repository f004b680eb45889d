"""The search for dead zones: a profile over the network, multiplied up to what is allowed, and then improved.

A profile gives each population, and each input, its share; the multiplier is bisected until the error or agreement is
just kept to. Then the profile is moved by the first-order effect of each group of populations, front to back: those
that save many operations for little error get more, the others less. Where answers alone count, a frame is computed
coarsely first, and as it is where the answer is not sure: the octaves and the margin are looked for likewise.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from onnx2snn.fitting.sequences.clips import Clip
from onnx2snn.fitting.sequences.trials import ONE_PASS, Passes, StreamPoint, Trier
from onnx2snn.settings.sequences import SequenceSettings

GROUPS = 12
"""Groups of populations that are moved together, from front to back."""
BEGIN = 0.02
"""The multiplier that is tried first."""
HALVINGS = 3
ROUNDS = 6
SLOWEST = 0.1
"""Shares that are moved by less than this power of what a group saves have been moved enough."""
FEWEST = 1e-4
WORTH = 0.95
"""More steps a frame have to save so much."""
MOST_OCTAVES = 3
UNSURE = 0.1
"""The share of frames of the plain network below the margin that is tried first."""


@dataclass(frozen=True)
class Choice:
    """Dead zones and steps a frame, and what they gave on the clip of the search."""

    zones: Mapping[str, float]
    steps: int
    point: StreamPoint
    passes: Passes = ONE_PASS


class Search:
    """`choices` is all that was tried."""

    def __init__(
        self, trier: Trier, clip: Clip, settings: SequenceSettings, progress: Callable[[str, float], None]
    ) -> None:
        self.trier, self.clip, self.settings, self.progress = trier, clip, settings, progress
        self.begun = time.perf_counter()
        self.seconds = 0.0
        self.choices: list[Choice] = []
        self.passes = ONE_PASS

    @property
    def time_left(self) -> bool:
        """Whether another trial fits into the budget."""
        return time.perf_counter() + self.seconds < self.begun + self.settings.budget

    def met(self, point: StreamPoint) -> bool:
        """Return whether `point` keeps to what was asked for."""
        error, agreement = self.settings.error, self.settings.target_agreement
        if error is not None and not point.relative_error <= error:
            return False
        return agreement is None or point.agreement is None or point.agreement >= agreement

    def run(self) -> None:
        """Try profiles for 1, 2, ... steps a frame, and improve the best."""
        best: Choice | None = None
        for steps in range(1, self.settings.timesteps + 1):
            none = self.look({}, steps)
            if best is not None and not self.time_left:
                break
            if not self.met(none.point) and steps < self.settings.timesteps:
                continue
            least = min((self.raised(shares, steps) for shares in (self.by_rms(), self.uniform())), key=self.key)
            if best is not None and not self.better(least, best):
                break
            best = least
        if best is not None:
            best = self.improve(best)
            if self.settings.target_agreement is not None:
                self.improve(self.coarsen(best))

    def coarsen(self, best: Choice) -> Choice:
        """Try coarse passes of 1, 2, ... octaves, with the margin that suits them, as long as that helps."""
        margins = self.trier.margins(self.clip)
        for octaves in range(1, MOST_OCTAVES + 1 if len(margins) else 1):
            margin = best.passes.margin or float(np.quantile(margins, UNSURE))
            found = self._with_margins(best, octaves, margin)
            if not self.better(found, best):
                break
            best = found
        self.passes = best.passes
        return best

    def _with_margins(self, best: Choice, octaves: int, margin: float) -> Choice:
        """Return the best choice with passes of so many `octaves`, from `margin` on up and down."""
        begin = 2.0 ** (best.passes.coarse - octaves)

        def at(margin: float) -> Choice:
            self.passes = Passes(octaves, margin)
            return self.raised(best.zones, best.steps, begin)

        found = at(margin)
        for factor in (2.0, 0.5):
            tried = factor * margin
            while self.time_left:
                other = at(tried)
                if other.passes != self.passes or self.key(other) >= self.key(found):
                    break
                found, tried = other, factor * tried
            if found.passes.margin not in (0.0, margin):
                break
        return found

    def key(self, choice: Choice) -> tuple[bool, float]:
        """Return what orders choices, the best first: those that keep to what was asked for, by operations."""
        met = self.met(choice.point)
        return (not met, choice.point.operations if met else self.loss(choice.point))

    def loss(self, point: StreamPoint) -> float:
        """Return what is wrong with the outputs: the share of other answers where an agreement is asked for."""
        by_answers = self.settings.target_agreement is not None and point.agreement is not None
        return 1 - float(point.agreement or 0.0) if by_answers else point.relative_error

    def better(self, one: Choice, other: Choice) -> bool:
        """Return whether `one` is cheaper than `other` by more than chance."""
        (short, cost), (other_short, other_cost) = self.key(one), self.key(other)
        return (short, cost) < (other_short, WORTH * other_cost)

    def look(self, zones: Mapping[str, float], steps: int) -> Choice:
        """Try `zones`."""
        start = time.perf_counter()
        point = self.trier.look(self.clip, zones, steps, f"trial {len(self.choices) + 1}", self.passes)
        choice = Choice(dict(zones), steps, point, self.passes)
        self.choices.append(choice)
        self.seconds = time.perf_counter() - start
        self.progress("fitting dead zones", min(1.0, (time.perf_counter() - self.begun) / self.settings.budget))
        return choice

    def uniform(self) -> dict[str, float]:
        """Return the same share of the scale for all."""
        return dict.fromkeys([*self.trier.inputs, *self.trier.names], 1.0)

    def by_rms(self) -> dict[str, float]:
        """Return shares by the root mean square of what a population said in calibration, 1 on average."""
        own = {name: self.trier.snn.program.attributes(name) for name in self.trier.names}
        shares = {name: float(a.rms) / float(np.mean(a.scale)) for name, a in own.items() if a.rms > 0}
        typical = float(np.exp(np.mean(np.log(list(shares.values()))))) if shares else 1.0
        return {**self.uniform(), **{name: share / typical for name, share in shares.items()}}

    def raised(self, shares: Mapping[str, float], steps: int, begin: float = BEGIN) -> Choice:
        """Return the choice of the largest multiple of `shares` that keeps to what was asked for."""

        def at(multiple: float) -> Choice:
            return self.look({name: multiple * share for name, share in shares.items()}, steps)

        low, high, best = 0.0, begin, None
        while self.time_left:
            choice = at(high)
            if not self.met(choice.point):
                break
            low, high, best = high, 2 * high, choice
            if choice.point.operations < FEWEST * choice.point.dense:
                break
        while best is None and self.time_left and high > begin / 256:
            high /= 2
            choice = at(high)
            if self.met(choice.point):
                low, high, best = high, 2 * high, choice
        for _ in range(HALVINGS if best else 0):
            if not self.time_left:
                break
            middle = (low * high) ** 0.5
            choice = at(middle)
            if self.met(choice.point):
                low, best = middle, choice
            else:
                high = middle
        return best or min(self.choices, key=self.key)

    def improve(self, best: Choice) -> Choice:
        """Move the shares of groups by what each saves for what error, as long as that helps."""
        rate = 0.5
        for _ in range(ROUNDS):
            prices = self._prices(best)
            if not prices or not self.time_left:
                break
            typical = float(np.median(list(prices.values())))
            moved = dict(best.zones)
            for group in self.groups():
                price = prices.get(group[0])
                if price is None:
                    continue
                factor = 2.0 ** float(np.clip(rate * np.log2(max(price, 1e-30) / max(typical, 1e-30)), -1.5, 1.5))
                moved.update((name, moved.get(name, 0.0) * factor) for name in group)
            found = self.raised(moved, best.steps, 1.0)
            if not self.better(found, best):
                rate /= 2
            best = min((best, found), key=self.key)
            if rate < SLOWEST:
                break
        return best

    def groups(self) -> list[list[str]]:
        """Return what is moved together: each input, and populations one behind the other."""
        parts = np.array_split(np.asarray(self.trier.names, dtype=object), min(GROUPS, len(self.trier.names)))
        return [*([name] for name in self.trier.inputs), *([str(name) for name in part] for part in parts)]

    def _prices(self, best: Choice) -> dict[str, float]:
        """Return the operations that a wider zone of each group saves for its share of the squared error."""
        prices: dict[str, float] = {}
        for group in self.groups():
            if not self.time_left:
                return {}
            wider = {**best.zones, **{name: 1.5 * best.zones.get(name, 0.0) for name in group}}
            point = self.look(wider, best.steps).point
            saved = best.point.operations - point.operations
            added = point.relative_error**2 - best.point.relative_error**2
            least = 1e-3 * best.point.relative_error**2 + 1e-30
            prices[group[0]] = max(saved, 1e-3 * best.point.operations / len(self.trier.names)) / max(added, least)
        return prices
