"""Chooses the levels and mantissa bits of every population that cost least, as far as the tolerance allows.

The squared error of the output is taken to be a sum over populations: weight times the squared error of the population.
A price of error, in shift-adds, says which pair of levels and mantissa bits each population should have.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from onnx2snn.fitting.groups import Group, Setting, coarse, put
from onnx2snn.fitting.local import Part, Targets, mean_digits, parts, record
from onnx2snn.fitting.trying import Clock, Look, Trier
from onnx2snn.settings.payload import bits_of

TRIALS = 6
NEAR = 0.97
"""An error of this share of the tolerance is near enough to it."""
LEVELS = (48, 40, 32, 28, 24, 22, 20, 18, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4)
MOST_MANTISSA = 8
LESS = 0.9
"""What was too much is followed by so much less."""
LITTLE = 0.01
"""A trial that saves less than this share of what another spends is the last."""
BESIDE = 2
"""By so many steps a population's levels change from one trial to the next."""


@dataclass(frozen=True)
class Choice:
    """What a population may choose from: pairs, their errors (weighted) and shift-adds."""

    pairs: list[tuple[int, int]]
    errors: np.ndarray
    adds: np.ndarray

    def at(self, price: float) -> int:
        """Return the place of the pair that is cheapest, its error at `price` included."""
        return int(np.argmin(self.adds + price * self.errors))


class _Trial(NamedTuple):
    """What a setting gave: `over` is its excess on the samples that were held back, `spent` are its shift-adds.

    It is not followed where it is not within the tolerance.
    """

    look: Look
    followed: dict[str, Targets] | None
    over: float
    spent: float


class Lowering:
    """The search of one network: `weights` say how much of a population's squared error reaches the output."""

    def __init__(self, trier: Trier, steps: int, tolerance: float, bits: int, power: bool) -> None:
        self.trier, self.steps, self.tolerance, self.bits = trier, steps, tolerance, bits
        self.mantissas = range(1 if power else MOST_MANTISSA)
        self.weights: dict[str, float] = {}
        self.kept: set[str] = set()
        """Populations that stay as they are: easy samples do not show what they do on others."""
        self.best: Mapping[str, Targets] = {}

    def weigh(self, groups: list[Group], setting: Setting, targets: Mapping[str, Targets]) -> None:
        """Set the weights from the `groups`, ranked around `setting`."""
        for group in groups:
            tried = coarse(setting, group.names)
            found = parts(targets, {n: [tried[n], setting[n]] for n in group.names})
            rise = sum(found[n][tried[n]].error - found[n][setting[n]].error for n in group.names)
            self.weights |= dict.fromkeys(group.names, group.rise / rise if rise > 0 else 0.0)

    def run(
        self,
        setting: Setting,
        look: Look,
        targets: dict[str, Targets],
        clock: Clock,
        excess: Callable[[Setting, int], float],
        tell: Callable[[], None],
    ) -> tuple[Setting, Look]:
        """Return the cheapest setting found whose bound of the error is within the tolerance; at first (setting, look).

        `excess` says how many times the tolerance the error of a setting is on the samples that were held back: by so
        much less is tried next. After every trial the model of the error is put right by what came of it, and after
        one that fits populations are followed anew. A setting that comes up again is not run again. One that fits is
        the end where it is near the tolerance, comes up twice in a row, or saves next to nothing. `best` are the
        targets of what is returned.
        """
        self.best, least = targets, look.shift_adds(mean_digits(targets))
        best, now, room = (setting, look), dict(setting), (NEAR * self.tolerance) ** 2
        tried: dict[Any, _Trial] = {}
        key, fitting = None, np.inf
        for trial in range(TRIALS):
            if clock.left < 2 * self.trier.seconds * self.steps:
                break
            choices = self._choices(now, targets, near=trial > 0)
            own = sum(self.weights[n] * targets[n].tried(*now[n]).error for n in now)
            factor = look.bound**2 / own if trial and own else 1.0
            now = _chosen(choices, room / factor)
            before, key = key, tuple(now.items())
            if key not in tried:
                tried[key] = self._tried(now, excess)
                tell()
            look, followed, over, spent = tried[key]
            targets = followed or targets
            if followed and spent < least:
                best, least, self.best = (now, look), spent, targets
            if not followed:
                room *= min(LESS, over**-2)
            elif key == before or look.bound > NEAR**2 * self.tolerance or spent > (1 - LITTLE) * fitting:
                break
            fitting = min(fitting, spent)
        return best

    def _tried(self, setting: Setting, excess: Callable[[Setting, int], float]) -> _Trial:
        """Return what a setting gives."""
        put(self.trier, setting)
        look = self.trier.look([self.steps])[0]
        over = excess(setting, self.steps) if look.bound <= self.tolerance else 1.0
        if look.bound > self.tolerance or over > 1:
            return _Trial(look, None, over, np.inf)
        targets = record(self.trier, self.steps)
        return _Trial(look, targets, over, look.shift_adds(mean_digits(targets)))

    def _choices(self, setting: Setting, targets: Mapping[str, Targets], near: bool) -> dict[str, Choice]:
        """Return what every population may choose from; `near`: pairs beside its own alone."""
        pairs = {name: [pair] if name in self.kept else self._pairs(*pair, near) for name, pair in setting.items()}
        found = parts(targets, pairs)
        return {name: _choice(tried, self.weights[name]) for name, tried in found.items()}

    def _pairs(self, levels: int, mantissa: int, near: bool) -> list[tuple[int, int]]:
        """Return pairs of levels and mantissa bits that take no more than the bits of a spike; the own one is there."""
        most = max(levels, 2 ** (self.bits - 1))
        close = [n for n in LEVELS if n <= most and (not near or abs(n - levels) <= BESIDE)]
        bits = max(self.bits, bits_of(levels, mantissa))
        made = [(n, m) for n in close for m in self.mantissas if bits_of(n, m) <= bits]
        return [(levels, mantissa)] + [p for p in made if not near or abs(p[1] - mantissa) <= 1]


def _choice(tried: Mapping[tuple[int, int], Part], weight: float) -> Choice:
    found = list(tried.values())
    return Choice(list(tried), weight * np.array([p.error for p in found]), np.array([p.adds for p in found]))


def _chosen(choices: Mapping[str, Choice], room: float) -> dict[str, tuple[int, int]]:
    """Return what the populations choose at the least price whose squared error fits into `room`."""
    low, high = -60.0, 120.0  # log2 of the price of the squared error, in shift-adds
    for _ in range(50):
        price = (low + high) / 2
        error = sum(choice.errors[choice.at(2.0**price)] for choice in choices.values())
        low, high = (price, high) if error > room else (low, price)
    return {name: choice.pairs[choice.at(2.0**high)] for name, choice in choices.items()}
