"""Chooses the levels and mantissa bits of every population that cost least, as far as the tolerance allows.

The squared error of the output is taken to be a sum over populations of the squared errors that few levels make in one,
times a weight, and of those that rounding adds, times another. A price of error, in shift-adds, says which pair of
levels and mantissa bits each population should have; how much error that may come to is found by trial.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnx2snn.fitting.groups import BOTH, LEVELS, MANTISSA, Group, Setting, coarse
from onnx2snn.fitting.local import Part, Targets, parts
from onnx2snn.fitting.trying import Clock, Look
from onnx2snn.settings.payload import bits_of

TRIALS = 10
NEAR = 0.97
"""An error of this share of what is allowed is near enough to it; it is what is aimed at."""
CLOSE = 1.01
"""Two errors of the model, one that is too much and one that is not, this near to each other are the end."""
CHANCE = 3.0
"""An error so many times what is allowed, where spikes are as fine as before, is that of an answer close to a tie."""
DOWN, UP = 1 / 3, 4.0
"""By no less and no more than this the error that is allowed changes from one trial to the next."""
CHOICES = (48, 40, 32, 28, 24, 22, 20, 18, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4)
"""Levels to choose from."""
MOST_MANTISSA = 8
SPIKE = 0.25
"""A spike costs so many shift-adds besides those of its digits: it has to be sent."""

CAREFUL, ATTEMPTS = 0.75, 3
"""With time for no more attempts than this the first aims at so much of what is allowed."""

Attempt = Callable[[Setting], tuple[Look, float]]
"""Runs a setting, and returns how many times what is allowed its error is, on the samples where that is most."""


@dataclass(frozen=True)
class Choice:
    """What a population may choose from: pairs, their errors (weighted) and costs, shift-adds and spikes."""

    pairs: list[tuple[int, int]]
    errors: np.ndarray
    costs: np.ndarray

    def at(self, price: float) -> int:
        """Return the place of the pair that is cheapest, its error at `price` included."""
        return int(np.argmin(self.costs + price * self.errors))

    def only(self, pair: tuple[int, int]) -> "Choice":
        """Return the choice of `pair` alone."""
        place = self.pairs.index(pair)
        return Choice([pair], self.errors[place : place + 1], self.costs[place : place + 1])


class Lowering:
    """The search of one network: `weights` say how much of a population's squared errors reaches the output, by kind.

    `kept` are populations that stay as they are: easy samples do not show what they do on others.
    """

    def __init__(self, bits: int, power: bool, kept: Sequence[str] = ()) -> None:
        self.bits, self.kept = bits, frozenset(kept)
        self.mantissas = range(1 if power else MOST_MANTISSA)
        self.weights: dict[str, dict[str, float]] = {}
        self.late = False
        """Whether time was up before the search was at its end."""

    def weigh(self, groups: Sequence[Group], setting: Setting, targets: Mapping[str, Targets]) -> None:
        """Set the weights from the `groups`, ranked around `setting`.

        Populations of a group are taken to have done the same to the output. Where there was no mantissa to shorten, a
        population's errors all have one weight.
        """
        for group in groups:
            tried = coarse(setting, group.names, group.kinds)
            found = parts(targets, {n: [tried[n], setting[n]] for n in group.names})
            for name in group.names:
                own = _own(found[name][tried[name]], group.kinds) - _own(found[name][setting[name]], group.kinds)
                weight = group.rise / len(group.names) / own if own > 0 else 0.0
                same = BOTH if tried[name][1] == setting[name][1] == 0 else group.kinds
                self.weights.setdefault(name, {}).update(
                    {kind: weight for kind in same if weight or kind not in self.weights[name]}
                )

    def run(
        self, setting: Setting, targets: Mapping[str, Targets], room: float, attempt: Attempt, clock: Clock,
        tell: Callable[[], None], seconds: float = 0.0, over: float = 1.0,
    ) -> tuple[Setting, Look] | None:  # fmt: skip
        """Return the cheapest setting found that is within what is allowed, None where none is cheaper than `setting`.

        The search begins with an error of the model of `room`, relative to the output, or, where that allows nothing
        cheaper, with more: `setting` has `over` times the error that is allowed. An attempt takes `seconds`.
        What came of a trial says how far the next one goes, between the most that did and the least that was too much.
        A setting that comes up again is not run again. Where nothing lies between, what made the step from the one to
        the other stays as it is, and the others go on. What is too much by chance may lead to where nothing is
        cheaper: then the search goes back. The end is where a trial is near to what is allowed.
        """
        choices, best = self._choices(setting, targets), None
        if _cost(choices, _chosen(choices, room**2)) >= _cost(choices, setting):
            room = max(room, _error(choices, setting) / max(over, DOWN))
        room *= CAREFUL if clock.left < ATTEMPTS * seconds else NEAR
        tried: dict[Any, tuple[Look, float]] = {}
        fits, fails, beyond = 0.0, math.inf, setting
        usual = _cost(choices, setting)
        while len(tried) < TRIALS:
            if fails <= CLOSE * fits:
                if best is None or not _hold(choices, best[0], beyond):
                    break
                fails, room = math.inf, _next(fits, best[2], fits, math.inf)
            chosen = _chosen(choices, room**2)
            key = tuple(chosen.items())
            if key not in tried:
                if clock.left <= 0:
                    self.late = True
                    break
                tried[key] = attempt(chosen)
                tell()
            look, over = tried[key]
            useless = _cost(choices, chosen) >= usual or chosen == _chosen(choices, 0.0)
            if over > 1 and useless:
                fits, end = max(fits, room), best is not None or over < CHANCE or math.isinf(fails)
            elif over > 1:
                fails, beyond, end = *min((fails, beyond), (room, chosen), key=lambda pair: pair[0]), False
            else:
                fits, best = max(fits, room), (chosen, look, over)
                end = over > NEAR**2 or chosen == _chosen(choices, math.inf)
            if end:
                break
            room = _next(room, over, fits, fails)
        return best[:2] if best and _cost(choices, best[0]) < usual else None

    def _choices(self, setting: Setting, targets: Mapping[str, Targets]) -> dict[str, Choice]:
        """Return what every population may choose from."""
        pairs = {name: [pair] if name in self.kept else self._pairs(*pair) for name, pair in setting.items()}
        found = parts(targets, pairs)
        return {name: _choice(tried, self.weights[name]) for name, tried in found.items()}

    def _pairs(self, levels: int, mantissa: int) -> list[tuple[int, int]]:
        """Return pairs of levels and mantissa bits that take no more than the bits of a spike; the own one is there."""
        most, bits = max(levels, 2 ** (self.bits - 1)), max(self.bits, bits_of(levels, mantissa))
        made = [(n, m) for n in CHOICES if n <= most for m in self.mantissas if bits_of(n, m) <= bits]
        return [(levels, mantissa), *made]


def _own(part: Part, kinds: Sequence[str]) -> float:
    """Return the squared error of a population that is of these kinds."""
    return (part.coarse if LEVELS in kinds else 0.0) + (part.rounding if MANTISSA in kinds else 0.0)


def _next(room: float, over: float, fits: float, fails: float) -> float:
    """Return the error of the model to try next: in proportion to what came of the last, or halfway between."""
    room *= min(UP, max(DOWN, NEAR / max(over, 1e-9)))
    return room if fits < room < fails else math.sqrt(fits * fails)


def _choice(tried: Mapping[tuple[int, int], Part], weights: Mapping[str, float]) -> Choice:
    found = list(tried.values())
    errors = [weights[LEVELS] * part.coarse + weights[MANTISSA] * part.rounding for part in found]
    return Choice(list(tried), np.array(errors), np.array([part.adds + SPIKE * part.events for part in found]))


def _hold(choices: dict[str, Choice], fits: Setting, fails: Setting) -> bool:
    """Leave populations whose step from `fits` to `fails` is too much no other choice; return whether others have."""
    for name, pair in fits.items():
        if fails[name] != pair:
            choices[name] = choices[name].only(pair)
    return any(len(choice.pairs) > 1 for choice in choices.values())


def _error(choices: Mapping[str, Choice], setting: Setting) -> float:
    """Return the error of a setting by the model."""
    return math.sqrt(sum(choice.errors[choice.pairs.index(setting[name])] for name, choice in choices.items()))


def _cost(choices: Mapping[str, Choice], setting: Setting) -> float:
    """Return the cost of a setting."""
    return float(sum(choice.costs[choice.pairs.index(setting[name])] for name, choice in choices.items()))


def _chosen(choices: Mapping[str, Choice], room: float) -> dict[str, tuple[int, int]]:
    """Return what the populations choose at the least price whose squared error fits into `room`."""
    low, high = -60.0, 120.0  # log2 of the price of the squared error, in shift-adds
    for _ in range(50):
        price = (low + high) / 2
        error = sum(choice.errors[choice.at(2.0**price)] for choice in choices.values())
        low, high = (price, high) if error > room else (low, price)
    return {name: choice.pairs[choice.at(2.0**high)] for name, choice in choices.items()}
