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
LEVELS, MANTISSA = "levels", "mantissa"
BOTH = (LEVELS, MANTISSA)
"""What is made coarse, one apart from the other: few levels silence small values, which all err to the same side, and
reach the output with several times the weight of the errors of rounding."""


@dataclass(frozen=True)
class Group:
    """Populations that are ranked together, and by how much the squared error rises where `kinds` are coarse there."""

    names: list[str]
    rise: float
    kinds: Sequence[str] = BOTH


def put(trier: Trier, setting: Setting) -> None:
    """Give the network the levels and mantissa bits of `setting`."""
    for name, (levels, mantissa) in setting.items():
        now = trier.snn.program.attributes(name)
        if (now.levels, now.mantissa) != (levels, mantissa):
            trier.snn.set_population(name, levels=levels, mantissa=mantissa)


def coarse(setting: Setting, names: Sequence[str], kinds: Sequence[str] = BOTH) -> dict[str, tuple[int, int]]:
    """Return `setting` with fewer levels, fewer mantissa bits, or both, in the populations `names`.

    What has no more than the coarse ones anyway gets half as many levels, and no mantissa.
    """
    changed = {}
    for name in names:
        levels, mantissa = setting[name]
        few = COARSE[0] if levels > COARSE[0] else -(-levels // 2)
        short = COARSE[1] if mantissa > COARSE[1] else 0
        changed[name] = (few if LEVELS in kinds else levels, short if MANTISSA in kinds else mantissa)
    return {**setting, **changed}


def rank(trier: Trier, setting: Setting, steps: int, clock: Clock, tell: Callable[[], None]) -> list[Group] | None:
    """Return groups of populations, ranked around `setting` at T=`steps`; None where there was no time for it.

    Half of the time that is left goes into it at most. With enough of it levels and mantissa bits are tried one apart
    from the other, on fewer samples if need be; with less, both at once; with too little for every population,
    neighbours share a group. What was not tried when time is up is taken for usual.
    """
    until = clock.left / 2
    put(trier, setting)
    base = trier.look([steps])[0].error ** 2
    afforded = (clock.left - until) / max(1e-9, trier.seconds * steps)
    separate = [(LEVELS,), (MANTISSA,)] if any(mantissa for _, mantissa in setting.values()) else [(LEVELS,)]
    if afforded < len(separate) * len(setting) and trier.samples > 1:
        return rank(trier.few(max(1, trier.samples // 2)), setting, steps, clock, tell)
    if afforded < 1:
        return None
    names, kinds = list(setting), separate if afforded >= len(separate) * len(setting) else [BOTH]
    size = -(-len(names) // min(int(afforded), len(names)))
    groups: list[Group] = []
    for kind in kinds:
        for i in range(0, len(names), size):
            part = names[i : i + size]
            if clock.left <= until / 2:
                rise = sum(group.rise for group in groups) / max(1, len(groups)) or 1.0
            else:
                put(trier, coarse(setting, part, kind))
                rise = max(trier.look([steps])[0].error ** 2 - base, LEAST * base, 1e-16)
                tell()
            groups.append(Group(part, rise, kind))
    put(trier, setting)
    return groups
