"""The keywords of `convert`: settings one by one, or as the objects that hold them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

from onnx2snn.settings.adaptation import AdaptationSettings
from onnx2snn.settings.conversion import OWNERS, PARTS, ConversionSettings
from onnx2snn.settings.network import NetworkSettings
from onnx2snn.settings.ranges import RangeSettings
from onnx2snn.settings.spikes import SpikeSettings
from onnx2snn.settings.unknown import unknown
from onnx2snn_runtime.errors import InputError


class Keywords(TypedDict, total=False):
    """The keywords, with the types that a type checker holds callers to; values and defaults are those of the parts."""

    spikes: SpikeSettings
    network: NetworkSettings
    ranges: RangeSettings
    adaptation: AdaptationSettings

    payload: str | None
    bits: int | None
    dynamics: str | None
    dynamics_options: Mapping[str, Any] | None
    schedule: str | None
    schedule_options: Mapping[str, float] | None
    levels: int | None
    mantissa: int | None
    timesteps: int | None

    neurons: str
    encoder: str
    delay: int
    batch_axis: Mapping[str, int | None] | None
    shape: Mapping[str, Sequence[int]] | None
    recurrence: str
    weights: str
    relays: bool

    scale: str | None
    range: str | None
    samples: int | None
    seed: int

    adapt: bool
    tolerance: float | None
    budget: float


def collect(settings: ConversionSettings | None, keywords: Mapping[str, Any]) -> ConversionSettings:
    """Return the settings that `settings` and `keywords` (see `Keywords`) ask for together.

    What is given twice with different values raises InputError, and so does a keyword that does not exist.
    """
    for name in keywords:
        if name not in PARTS and name not in OWNERS:
            raise InputError(unknown("a conversion has no setting", name, [*PARTS, *OWNERS]))
    chosen: dict[str, tuple[Any, str]] = {}
    for where, name, value in _given(settings, keywords):
        before, place = chosen.setdefault(name, (value, where))
        if before != value:
            raise InputError(f"{name} is {before!r} in {place} and {value!r} in {where}: give it once")
    return ConversionSettings().updated(**{name: value for name, (value, _) in chosen.items()})


def _given(settings: ConversionSettings | None, keywords: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (where it was given, name, value) for every setting that was given."""
    if settings is not None:
        if not isinstance(settings, ConversionSettings):
            raise InputError(f"settings is {settings!r}: give an object of ConversionSettings")
        yield from (("settings", name, settings.get(name)) for name in OWNERS)
    whole = ConversionSettings(**{name: keywords[name] for name in PARTS if keywords.get(name) is not None})
    yield from ((part, name, whole.get(name)) for name, part in OWNERS.items() if keywords.get(part) is not None)
    flat = {name: value for name, value in keywords.items() if name in OWNERS}
    checked = ConversionSettings().updated(**flat)
    yield from (("a keyword of its own", name, checked.get(name)) for name in flat)
