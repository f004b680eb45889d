"""The candidate settings of `tune`: schedules, levels, mantissa bits and scales, and the neighbours of a setting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from onnx2snn_runtime.ir.schema import ModelDefaults

GIVEN = "given"
MOST_LEVELS, MOST_MANTISSA = 32, 8
FACTOR = 1.4
"""By how much a step of the search changes a step size, or its decay's distance from 1."""


@dataclass(frozen=True)
class Change:
    """What differs for one population: its levels and mantissa bits, and its scale by a power of two."""

    levels: int = 0
    mantissa: int = 0
    shift: int = 0


@dataclass(frozen=True)
class Setting:
    """One setting of a network; None and `given` leave what the model has. `shift` is a power of two on all scales."""

    schedule: str | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    levels: int | None = None
    mantissa: int | None = None
    scale: str = GIVEN
    shift: int = 0
    populations: Mapping[str, Change] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [" ".join([self.schedule, *(f"{k}={v:.4g}" for k, v in self.options.items())])] if self.schedule else []
        parts += [f"levels {self.levels}"] if self.levels is not None else []
        parts += [f"mantissa {self.mantissa}"] if self.mantissa is not None else []
        parts += [f"scale a {self.scale}"] if self.scale != GIVEN else []
        parts += [f"scales x {2.0**self.shift:g}"] if self.shift else []
        parts += [f"{len(self.populations)} populations changed"] if self.populations else []
        return ", ".join(parts) or "as it is"


def grid(dynamics: str, scheduled: bool, timesteps: int) -> list[Setting]:
    """Return the settings to begin with; what suits `timesteps` best is what comes first."""
    if dynamics == "differential":
        pairs = product((12, 10, 8, 6, 16, 4), (1, 0, 2, 3))
        return [Setting(), *(Setting(levels=levels, mantissa=mantissa) for levels, mantissa in pairs)]
    if not scheduled:
        return [Setting(), *(Setting(shift=shift) for shift in (-1, 1, -2))]
    return [Setting(), *_schedules(timesteps)]


def _schedules(timesteps: int) -> Iterator[Setting]:
    """Yield schedules whose steps add up to `reach` scales within `timesteps`, and end at a small step."""
    for reach, last in product((1.5, 2.5, 4.0), (0.02, 0.005, 0.001)):
        decay = _decay(reach, last, timesteps)
        yield Setting("exponential", {"initial": reach * (1 - decay) / (1 - decay**timesteps), "decay": decay})
    for reach, power in product((1.5, 3.0), (1.0, 2.0, 3.0)):
        total = sum((1 - t / timesteps) ** power for t in range(timesteps))
        yield Setting("polynomial", {"initial": reach / total, "horizon": timesteps, "power": power})
    for offset in (0.0, 1.0, 4.0):
        yield Setting("inverse", {"initial": 1.0 + offset / 2, "offset": offset})
    yield Setting("sqrt", {"initial": 0.5})


def _decay(reach: float, last: float, timesteps: int) -> float:
    """Return d with `sum of a d^t = reach` over `timesteps` and the last step `last * reach / timesteps * 10`."""
    low, high = 0.3, 0.9999
    wanted = last * reach * 10 / max(10, timesteps)
    for _ in range(40):
        middle = (low + high) / 2
        end = reach * (1 - middle) / (1 - middle**timesteps) * middle ** (timesteps - 1)
        low, high = (middle, high) if end < wanted else (low, middle)
    return (low + high) / 2


def neighbours(setting: Setting, defaults: ModelDefaults, names: list[str]) -> Iterator[Setting]:
    """Yield the settings one step away: first what concerns every population, then one population at a time."""
    for scale in (GIVEN, "channel", "neuron"):
        if scale != setting.scale:
            yield replace(setting, scale=scale)
    yield from (replace(setting, shift=setting.shift + by) for by in (-1, 1))
    for key, value in setting.options.items():
        for factor in (FACTOR, 1 / FACTOR):
            moved = 1 - (1 - value) * factor if key == "decay" else value * factor
            if key != "horizon" and (key != "decay" or moved > 0):
                yield replace(setting, options={**setting.options, key: moved})
    graded = defaults.dynamics == "differential"
    if graded and setting.levels is not None and setting.mantissa is not None:
        for levels, mantissa in ((-1, 0), (1, 0), (0, -1), (0, 1), (2, -1)):
            moved_levels, moved_mantissa = setting.levels + levels, setting.mantissa + mantissa
            if 1 <= moved_levels <= MOST_LEVELS and 0 <= moved_mantissa <= MOST_MANTISSA:
                yield replace(setting, levels=moved_levels, mantissa=moved_mantissa)
    for name in names:
        changes = [Change(shift=1), Change(shift=-1)] + ([Change(levels=-2), Change(mantissa=-1)] if graded else [])
        yield from (_changed(setting, name, change) for change in changes)


def _changed(setting: Setting, name: str, by: Change) -> Setting:
    before = setting.populations.get(name, Change())
    after = Change(before.levels + by.levels, before.mantissa + by.mantissa, before.shift + by.shift)
    return replace(setting, populations={**setting.populations, name: after})
