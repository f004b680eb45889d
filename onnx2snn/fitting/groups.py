"""Which populations an output hangs on: one ranking, by what coarser spikes of a few of them at a time do to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from onnx2snn.fitting.trying import Clock, Look, Trier

Setting = Mapping[str, tuple[int, int]]
"""The levels and mantissa bits of every population, by name."""

LEVELS = (48, 32, 24, 20, 16, 13, 11, 9, 8, 7, 6, 5)
"""Levels that populations are lowered to."""


@dataclass
class Curve:
    """What it does to lower one setting in all populations: for each of its values, from high to low, a look."""

    values: list[int]
    looks: list[Look]

    def rise(self, value: int) -> float:
        """Return by how much the square of the error rises at `value`."""
        return max(0.0, self.looks[self.values.index(value)].error ** 2 - self.looks[0].error ** 2)


@dataclass
class Group:
    """Populations that are set alike, and their shares in what lowering levels, or mantissa bits, does."""

    names: list[str]
    levels: float = 0.0
    mantissa: float = 0.0

    def events(self, look: Look) -> float:
        """Return what they sent."""
        return sum(look.events[name] for name in self.names)


@dataclass
class Ranking:
    """Groups of populations, with what each setting costs and does."""

    groups: list[Group]
    curves: dict[str, Curve] = field(default_factory=dict)


def put(trier: Trier, setting: Setting) -> None:
    """Give the network the levels and mantissa bits of `setting`."""
    for name, (levels, mantissa) in setting.items():
        now = trier.snn.program.attributes(name)
        if (now.levels, now.mantissa) != (levels, mantissa):
            trier.snn.set_population(name, levels=levels, mantissa=mantissa)


def lowered(setting: Setting, what: str, value: int, names: Sequence[str] | None = None) -> dict[str, tuple[int, int]]:
    """Return `setting` with the levels or mantissa bits of the populations `names` (None: all) at `value` at most."""
    made = dict(setting)
    for name in setting if names is None else names:
        levels, mantissa = made[name]
        made[name] = (min(levels, value), mantissa) if what == "levels" else (levels, min(mantissa, value))
    return made


def rank(
    trier: Trier, setting: Setting, steps: int, tolerance: float, clock: Clock, tell: Callable[[], None]
) -> Ranking | None:
    """Return the ranking of the populations around `setting` at T=`steps`; None where there was no time for it.

    Half of the time that is left goes into it at most. With too little time for every population, neighbours share a
    group.
    """
    until = clock.left / 2
    put(trier, setting)
    base = trier.look([steps])[0]
    curves = {}
    for what, place in (("levels", 0), ("mantissa", 1)):
        top = max(pair[place] for pair in setting.values())
        found = Curve([top], [base])
        for value in [v for v in (LEVELS if what == "levels" else range(top - 1, -1, -1)) if v < top]:
            if clock.left < until or found.looks[-1].error > 8 * tolerance:
                break
            put(trier, lowered(setting, what, value))
            found.values.append(value)
            found.looks += trier.look([steps])
            tell()
        curves[what] = found
    afforded = int((clock.left - until / 3) / max(1e-9, 2 * trier.seconds * steps))
    if afforded < 1:
        return None
    names = list(setting)
    size = -(-len(names) // min(afforded, len(names)))
    groups = [Group(names[i : i + size]) for i in range(0, len(names), size)]
    for what, curve in curves.items():
        _share_out(trier, setting, steps, what, curve, groups, clock, tell)
    put(trier, setting)
    return Ranking(groups, curves)


def _share_out(
    trier: Trier,
    setting: Setting,
    steps: int,
    what: str,
    curve: Curve,
    groups: list[Group],
    clock: Clock,
    tell: Callable[[], None],
) -> None:
    """Tell the groups their shares in the rise of the error that lowering `what` causes."""
    rises: list[float] = []
    for group in groups:
        if clock.left <= 0:  # what is not known is taken for usual
            rises.append(sum(rises) / max(1, len(rises)) or 1.0)
        elif len(curve.values) > 1 and len(groups) > 1:
            put(trier, lowered(setting, what, curve.values[-1], group.names))
            rises.append(max(0.0, trier.look([steps])[0].error ** 2 - curve.looks[0].error ** 2))
            tell()
        else:
            rises.append(1.0)
    least = max(rises) / 1000 or 1.0  # what cannot be told from nothing counts a little
    total = sum(max(rise, least) for rise in rises)
    for group, rise in zip(groups, rises, strict=True):
        setattr(group, what, max(rise, least) / total)
