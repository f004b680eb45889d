"""All settings of a conversion together, and the tables that a file or a record holds them in."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from onnx2snn.settings.adaptation import AdaptationSettings
from onnx2snn.settings.network import NetworkSettings
from onnx2snn.settings.ranges import RangeSettings
from onnx2snn.settings.spikes import SpikeSettings
from onnx2snn.settings.unknown import unknown
from onnx2snn_runtime.errors import InputError

PARTS: dict[str, type] = {
    "spikes": SpikeSettings,
    "network": NetworkSettings,
    "ranges": RangeSettings,
    "adaptation": AdaptationSettings,
}
"""The classes of settings by the name of their table and keyword."""

OWNERS: dict[str, str] = {f.name: part for part, kind in PARTS.items() for f in fields(kind)}
"""The part that each setting belongs to; no two settings have the same name."""


@dataclass(frozen=True)
class ConversionSettings:
    """All settings of a conversion, in four parts; each part says what its fields mean.

    `snn.conversion.settings` and the IR (`ConversionSettings.from_tables(snn.defaults.settings)`) tell what a network
    was converted with: with the same model and calibration data, `convert(model, data, settings=...)` gives it again.
    """

    spikes: SpikeSettings = field(default_factory=SpikeSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    ranges: RangeSettings = field(default_factory=RangeSettings)
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)

    def __post_init__(self) -> None:
        for name, kind in PARTS.items():
            if not isinstance(getattr(self, name), kind):
                raise InputError(f"{name} is {getattr(self, name)!r}: give an object of {kind.__name__}")

    def get(self, name: str) -> Any:
        """Return the setting `name`, of whichever part."""
        return getattr(getattr(self, OWNERS[name]), name)

    def updated(self, **changes: Any) -> "ConversionSettings":
        """Return a copy in which the settings named in `changes`, of whichever part, have other values."""
        parts: dict[str, dict[str, Any]] = {}
        for name, value in changes.items():
            if name not in OWNERS:
                raise InputError(unknown("a conversion has no setting", name, OWNERS))
            parts.setdefault(OWNERS[name], {})[name] = value
        return replace(self, **{part: replace(getattr(self, part), **new) for part, new in parts.items()})

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return the settings as plain values: by part, then by name; JSON and TOML hold them."""
        return {name: asdict(getattr(self, name)) for name in PARTS}

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], where: str = "the settings") -> "ConversionSettings":
        """Return the settings in `tables`, as `tables()` gives them; what is left out has its default.

        `where` names the source in messages. Unknown tables and keys, and values that make no sense, raise InputError.
        """
        check_tables(tables, where)
        try:
            return cls(**{name: PARTS[name](**table) for name, table in tables.items()})
        except InputError as error:
            raise InputError(f"{where}: {error}") from error


def changed(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings in `tables`, as `ConversionSettings.tables` gives them, that are not at their defaults."""
    usual = ConversionSettings().tables()
    flat = ((part, name, value) for part, table in tables.items() for name, value in table.items())
    found = {name: value for part, name, value in flat if usual.get(part, {}).get(name) != value}
    return {name: found[name] for name in [*OWNERS, *(found.keys() - OWNERS.keys())] if name in found}


def check_tables(tables: Mapping[str, Any], where: str) -> None:
    """Raise InputError for what is no table of settings, or no setting of its table."""
    for name, table in tables.items():
        if name not in PARTS and name in OWNERS and not isinstance(table, Mapping):
            raise InputError(f"{name!r} stands outside the tables of {where}: put it into [{OWNERS[name]}]")
        if name not in PARTS:
            raise InputError(unknown(f"{where} holds no table of settings", name, PARTS))
        if not isinstance(table, Mapping):
            raise InputError(f"{name!r} in {where} is {table!r}: write a table of settings, [{name}]")
        for key in table:
            if OWNERS.get(key, name) != name:
                raise InputError(f"{key!r} stands in [{name}] of {where}: put it into [{OWNERS[key]}]")
            if key not in OWNERS:
                own = [f.name for f in fields(PARTS[name])]
                raise InputError(unknown(f"[{name}] of {where} has no setting", key, own))
