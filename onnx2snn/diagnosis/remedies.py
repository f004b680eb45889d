"""Settings that may mend a population, or a network, each with how it is applied and undone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from onnx2snn.diagnosis.causes import LEVELS, MANTISSA, RANGE, SCALE, UNSEEN, Cause
from onnx2snn.diagnosis.measuring import Measured
from onnx2snn.fitting.advice import FINE
from onnx2snn.fitting.calibrate import calibrate
from onnx2snn.settings import ConversionSettings, RangeSettings
from onnx2snn.settings.payload import PAYLOADS, payload_of
from onnx2snn.settings.spikes import MOST_LEVELS
from onnx2snn_runtime.ir.recurrence import neurons_of
from onnx2snn_runtime.ir.schema import NeuronAttributes, read_neuron
from onnx2snn_runtime.model import SpikingModel

MORE_LEVELS = 8
"""So many levels more are tried in a population whose small errors cannot be sent."""

SHOWN = 8
"""So many scales of a population are written out at most."""


@dataclass(frozen=True)
class Remedy:
    """Changes of populations by name, or of the time steps, in words; `command` is a command line that does the same.

    MODEL and DATA stand in it for the files; it is empty where only Python, or `diagnose --output`, can change it.
    """

    words: str
    populations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timesteps: int | None = None
    command: str = ""

    def python(self) -> list[str]:
        """Return the Python statements that apply it to the network `snn`; none where they would be long."""
        sizes = [np.size(changes.get("scale", 0)) for changes in self.populations.values()]
        if len(sizes) > 1 or max(sizes, default=0) > SHOWN:
            return []
        lines = [f"snn.set_population({n!r}, {_arguments(changes)})" for n, changes in self.populations.items()]
        return lines + ([f"snn.set_defaults(timesteps={self.timesteps})"] if self.timesteps else [])

    def apply(self, snn: SpikingModel) -> Callable[[], None]:
        """Change `snn`, and return a function that undoes it."""
        before = {name: snn.program.attributes(name) for name in self.populations}
        steps = snn.defaults.timesteps
        for name, changes in self.populations.items():
            snn.set_population(name, **changes)
        if self.timesteps:
            snn.set_defaults(timesteps=self.timesteps)

        def undo() -> None:
            for name, own in before.items():
                snn.set_population(name, **{key: getattr(own, key) for key in self.populations[name]})
            snn.set_defaults(timesteps=steps)

        return undo


def remedies(
    snn: SpikingModel,
    found: Measured,
    why: Cause,
    steps: int | None,
    measured: Callable[[], Mapping[str, NeuronAttributes]],
) -> list[Remedy]:
    """Return what may mend the `why`, the likeliest first; `steps` are more time steps to try, or None.

    `measured` gives the attributes of all populations as calibrated on the data at hand.
    """
    graded = snn.defaults.dynamics == "differential"
    own = list(_own(snn, found, why, graded, measured)) if why.population else []
    longer = [] if steps is None else [_longer(steps)]
    made = [*own, *longer, *([_finer(snn)] if graded else [])]
    return made if why.population else [*reversed(made), _recalibrated(snn, measured(), list(measured()))]


def recalibrated(snn: SpikingModel, inputs: Mapping[str, np.ndarray]) -> dict[str, NeuronAttributes]:
    """Return the attributes that calibration on `inputs`, as the file records that it was made, gives all populations.

    The levels and the mantissa bits are those before adaptation.
    """
    kind = payload_of(snn.defaults.dynamics)
    recorded = ConversionSettings.from_tables(snn.defaults.settings) if snn.defaults.settings else ConversionSettings()
    copy = onnx.ModelProto()
    copy.CopyFrom(snn.proto)
    payload = PAYLOADS[recorded.spikes.kind if snn.defaults.settings else kind]
    ranges: RangeSettings = recorded.ranges.following(payload.scale, payload.range)
    calibrate(copy, inputs, ranges, recorded.spikes)
    return {node.name or node.output[0]: read_neuron(node) for node in neurons_of(copy.graph)}


def _own(
    snn: SpikingModel, found: Measured, why: Cause, graded: bool, measured: Callable[[], Mapping[str, NeuronAttributes]]
) -> list[Remedy]:
    """Return the remedies for the population of `why` alone, and those like it."""
    name = str(why.population)
    own, made = snn.program.attributes(name), []
    if why.reason in (RANGE, SCALE, LEVELS):
        new = measured()[name]
        if not np.array_equal(new.scale, own.scale):
            made.append(_recalibrated(snn, measured(), [name]))
        unseen = [p.name for p in found.populations if p.calibrated and p.largest > UNSEEN * p.calibrated]
        if why.reason == RANGE and len(unseen) > 1:
            made.append(_recalibrated(snn, measured(), unseen))
    if why.reason == LEVELS and own.dead_zone:
        made.insert(0, Remedy(f"no dead zone in {name!r}", {name: {"dead_zone": 0.0}}))
    if graded and why.reason in (LEVELS, MANTISSA):
        levels = min(MOST_LEVELS, own.levels + MORE_LEVELS) if why.reason == LEVELS else own.levels
        mantissa = max(own.mantissa, FINE["mantissa"]) if why.reason == MANTISSA else own.mantissa
        made.append(
            Remedy(
                f"levels {levels} and mantissa {mantissa} in {name!r}", {name: {"levels": levels, "mantissa": mantissa}}
            )
        )
    return made


def _recalibrated(snn: SpikingModel, new: Mapping[str, NeuronAttributes], names: list[str]) -> Remedy:
    """Return the remedy that gives the populations `names` the scales of `new`."""
    changes = {n: {"scale": new[n].scale, "maximum": new[n].maximum, "rms": new[n].rms} for n in names}
    if len(names) == 1:
        before, after = (float(a.scale.max()) for a in (snn.program.attributes(names[0]), new[names[0]]))
        return Remedy(f"scale {after:.3g} (was {before:.3g}) in {names[0]!r}, as these data give it", changes)
    return Remedy(
        f"the scales of {len(names)} populations as these data give them", changes,
        command="onnx2snn convert ORIGINAL.onnx --calibration DATA",
    )  # fmt: skip


def _longer(steps: int) -> Remedy:
    """Return the remedy of more time steps."""
    command = f"onnx2snn evaluate MODEL --data DATA --timesteps {steps}"
    return Remedy(f"{steps} time steps", timesteps=steps, command=command)


def _finer(snn: SpikingModel) -> Remedy:
    """Return the remedy that gives all populations finer spikes."""
    changes = {}
    for item in snn.program.populations:
        own = item.attributes
        name = snn.program.groups.get(item.name, item.name)
        changes[name] = {key: max(getattr(own, key), least) for key, least in FINE.items()}
    words = " and ".join(f"{key} {value}" for key, value in FINE.items())
    options = " ".join(f"--{key} {value}" for key, value in FINE.items())
    return Remedy(
        f"{words} in all populations", changes, command=f"onnx2snn convert ORIGINAL.onnx --calibration DATA {options}"
    )


def _arguments(changes: Mapping[str, Any]) -> str:
    shown = {key: np.asarray(value).tolist() for key, value in changes.items() if key not in ("maximum", "rms")}
    return ", ".join(f"{key}={value!r}" for key, value in shown.items())
