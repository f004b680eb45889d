"""What a study consists of: its models, the payloads of their conversions, and the settings of all cells."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Subject:
    """A model of a study: a file, or a name of the zoo, its data, and settings of its conversions alone."""

    name: str
    file: str
    data: str
    labels: str | None
    calibration: str | None
    convert: dict[str, Any]


@dataclass(frozen=True)
class Spikes:
    """A payload of a study: what its rows call it, and the settings that make it."""

    name: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """All of a study; with `per_timestep` each T has a conversion, else one is evaluated at all of them."""

    name: str
    output: Path
    subjects: list[Subject]
    payloads: list[Spikes]
    timesteps: list[int]
    seeds: list[int]
    samples: int | None = None
    calibration_samples: int | None = None
    per_timestep: bool = False
    convert: dict[str, Any] = field(default_factory=dict)
    evaluate: dict[str, Any] = field(default_factory=dict)
    images: dict[str, Any] = field(default_factory=dict)
