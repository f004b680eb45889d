"""Which populations an output hangs on: one ranking, by what coarse spikes of one at a time do to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from onnx2snn.fitting.trying import Clock, Trier

Setting = Mapping[str, tuple[int, int]]
"""The levels and mantissa bits of every population, by name."""

COARSE = (8, 1)
"""Levels and mantissa bits of the spikes that populations are tried with."""
LEAST = 0.01
"""A population counts as much as makes this share of the squared error that there is anyway, at least."""


@dataclass(frozen=True)
class Group:
    """Populations that are ranked together, and by how much the squared error rises with coarse spikes in them."""

    names: list[str]
    rise: float


def put(trier: Trier, setting: Setting) -> None:
    """Give the network the levels and mantissa bits of `setting`."""
    for name, (levels, mantissa) in setting.items():
        now = trier.snn.program.attributes(name)
        if (now.levels, now.mantissa) != (levels, mantissa):
            trier.snn.set_population(name, levels=levels, mantissa=mantissa)


def coarse(setting: Setting, names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return `setting` with coarse spikes in the populations `names`."""
    levels, mantissa = COARSE
    return {**setting, **{n: (min(setting[n][0], levels), min(setting[n][1], mantissa)) for n in names}}


def rank(trier: Trier, setting: Setting, steps: int, clock: Clock, tell: Callable[[], None]) -> list[Group] | None:
    """Return groups of populations, ranked around `setting` at T=`steps`; None where there was no time for it.

    Half of the time that is left goes into it at most. With too little time for every population, neighbours share a
    group. What was not tried when time is up is taken for usual.
    """
    until = clock.left / 2
    put(trier, setting)
    base = trier.look([steps])[0].error ** 2
    afforded = int((clock.left - until) / max(1e-9, trier.seconds * steps))
    if afforded < 1:
        return None
    names = list(setting)
    size = -(-len(names) // min(afforded, len(names)))
    groups: list[Group] = []
    for i in range(0, len(names), size):
        part = names[i : i + size]
        if clock.left <= until / 2:
            rise = sum(group.rise for group in groups) / max(1, len(groups)) or 1.0
        else:
            put(trier, coarse(setting, part))
            rise = max(trier.look([steps])[0].error ** 2 - base, LEAST * base, 1e-16)
            tell()
        groups.append(Group(part, rise))
    put(trier, setting)
    return groups
