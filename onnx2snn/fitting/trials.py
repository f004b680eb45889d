"""Applies settings to a spiking network and measures the result; a trial is one run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from onnx2snn.data.readers import Samples
from onnx2snn.data.samples import taken
from onnx2snn.evaluation.class_axis import answer_axes
from onnx2snn.evaluation.comparison import Comparison, Tally
from onnx2snn.fitting.calibrate import calibrate
from onnx2snn.fitting.candidates import GIVEN, MOST_LEVELS, MOST_MANTISSA, Change, Setting
from onnx2snn.fitting.errors import error_bound
from onnx2snn.reference.ann import run_ann
from onnx2snn.settings import RangeSettings, SpikeSettings
from onnx2snn.settings.payload import payload_of
from onnx2snn_runtime.errors import trying
from onnx2snn_runtime.ir.schema import is_neuron, read_neuron
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.energy import HOROWITZ, energy
from onnx2snn_runtime.probing.operations import Operations

_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
BATCH = 64


@dataclass(frozen=True)
class Point:
    """The figures of one setting after some time steps.

    `agreement_bound` and `error_bound` are what they may well be on other samples. `energy` and `energy_int8` are the
    energies of the network's shift-adds beside that of the plain network in fp32 and in int8, None where not counted.
    """

    timesteps: int
    agreement: float | None
    relative_error: float
    accuracy: float | None
    events_per_neuron: float
    setting: str
    agreement_bound: float | None = None
    error_bound: float = 0.0
    shift_adds_per_neuron: float | None = None
    energy: float | None = None
    energy_int8: float | None = None
    payload: str = ""


@dataclass(frozen=True)
class Goal:
    """What is wanted: agreement with the plain network or relative error, at most `timesteps` and events a neuron.

    A `careful` goal is met by the bounds of a point, as those that chose it will be near on other samples only.
    """

    timesteps: int
    agreement: float | None = None
    error: float | None = None
    max_events: float | None = None
    careful: bool = True

    @property
    def steps(self) -> list[int]:
        """Return the numbers of time steps to look at."""
        usual = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
        return sorted({t for t in usual if t < self.timesteps} | {self.timesteps})

    def key(self, point: Point) -> tuple[float, ...]:
        """Return what orders points, the best first: shortfall; then time steps and events, or the error."""
        short = 0.0
        agreement = point.agreement_bound if self.careful else point.agreement
        if self.agreement is not None and point.agreement is not None:
            short += max(0.0, self.agreement - (point.agreement if agreement is None else agreement))
        if self.error is not None:
            error = max(point.error_bound, point.relative_error) if self.careful else point.relative_error
            short += max(0.0, error / self.error - 1)
        if self.max_events is not None:
            short += max(0.0, point.events_per_neuron / self.max_events - 1)
        if short or (self.agreement is None and self.error is None):
            return (short, point.relative_error, point.timesteps, point.events_per_neuron)
        return (0.0, point.timesteps, round(point.events_per_neuron, 3), point.relative_error)

    def met(self, point: Point) -> bool:
        """Return whether `point` has everything that was asked for."""
        return self.key(point)[0] == 0.0


def lower_bound(share: float | None, count: int) -> float | None:
    """Return what a share of `count` samples may well be on others: one standard error below it, by Wilson's score.

    All of 30 alike may be 97 % of others. Source: Wilson, J. Am. Stat. Assoc. 22 (1927).
    """
    if share is None or not count:
        return share
    centre = (share + 0.5 / count) / (1 + 1 / count)
    spread = (share * (1 - share) / count + 0.25 / count**2) ** 0.5 / (1 + 1 / count)
    return centre - spread


class Tuner:
    """Puts settings into `snn`, and looks at what they give."""

    def __init__(self, snn: SpikingModel, samples: Samples, steps: list[int]) -> None:
        self.snn = snn
        self.samples = samples
        self.steps = steps
        self.trials = 0
        self.plain: dict[tuple[int | None, int | None], Operations] = {}
        self.defaults = snn.defaults
        self.own = {p.name: p.attributes for p in snn.program.populations}
        self.scales: dict[str, dict[str, np.ndarray]] = {GIVEN: {name: a.scale for name, a in self.own.items()}}
        ports = snn.program.outputs
        self.port = next((port for port in ports if port.type in _FLOATS), ports[0])
        self.reference = run_ann(snn.proto, samples.inputs, BATCH, [self.port.name])
        self.axis, _ = answer_axes(
            snn.proto, self.port.name, snn.program.axes, self.reference[self.port.name], samples.labels
        )

    def put(self, setting: Setting) -> None:
        """Give the network `setting`."""
        scales = self._scales(setting.scale)
        for name, own in self.own.items():
            change = setting.populations.get(name, Change())
            levels = (own.levels if setting.levels is None else setting.levels) + change.levels
            mantissa = (own.mantissa if setting.mantissa is None else setting.mantissa) + change.mantissa
            self.snn.set_population(
                name,
                levels=min(MOST_LEVELS, max(1, levels)),
                mantissa=min(MOST_MANTISSA, max(0, mantissa)),
                scale=scales[name] * np.float32(2.0 ** (setting.shift + change.shift)),
            )
        chosen = {} if setting.schedule is None else {"schedule": setting.schedule}
        options = {} if setting.schedule is None else {"schedule_options": dict(setting.options)}
        own_ones = {"schedule": self.defaults.schedule, "schedule_options": self.defaults.schedule_options}
        self.snn.set_defaults(**{**own_ones, **chosen, **options})

    def look(self, setting: Setting, samples: slice, operations: bool = False) -> list[Point]:
        """Return the figures of `setting` at every number of time steps, on some of the samples."""
        self.put(setting)
        self.trials += 1
        inputs = taken(self.samples.inputs, range(self.samples.count)[samples], self.snn.program.axes)
        labels = None if self.samples.labels is None else self.samples.labels[samples]
        with trying():
            run = self.snn.run(inputs, self.steps, batch_size=BATCH, operations=operations)
        comparison = Comparison(self.axis, self.port.type in _FLOATS, {t: Tally() for t in self.steps})
        outputs = {t: out[self.port.name] if isinstance(out, dict) else out for t, out in run.outputs.items()}
        reference = self.reference[self.port.name][samples]
        comparison.add(reference, outputs, labels)
        found = comparison.figures(1)["timesteps"]
        points = []
        for t in self.steps:
            figures, error = found[str(t)], found[str(t)]["relative_error"]
            points.append(
                Point(
                    timesteps=t,
                    agreement=figures["agreement"],
                    relative_error=float("inf") if error is None else error,
                    accuracy=figures["accuracy"],
                    events_per_neuron=run.events_per_neuron[t],
                    setting=str(setting),
                    agreement_bound=lower_bound(figures["agreement"], len(reference)),
                    error_bound=error_bound({"y": reference}, {"y": outputs[t]}, {}),
                    payload=payload_of(self.snn.defaults.dynamics),
                    **self._costs(run.operations[t], samples, inputs) if operations else {},
                )
            )
        return points

    def _costs(self, made: Operations, samples: slice, inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Return what operations on `inputs`, those of the slice `samples`, cost beside the plain network."""
        key = (samples.start, samples.stop)
        if key not in self.plain:
            self.plain[key] = self.snn.plain_operations(inputs, BATCH)
        ratios = [energy(made, self.plain[key], kind).ratio for kind in (HOROWITZ.fp32, HOROWITZ.int8)]
        adds = made.shift_adds_per_neuron
        return {"shift_adds_per_neuron": adds, "energy": ratios[0], "energy_int8": ratios[1]}

    def _scales(self, kind: str) -> dict[str, np.ndarray]:
        """Return the scales of every population, one a layer, a channel or a neuron, measured on the samples."""
        if kind not in self.scales:
            copy = onnx.ModelProto()
            copy.CopyFrom(self.snn.proto)
            calibrate(copy, self.samples.inputs, RangeSettings(scale=kind), SpikeSettings())
            nodes = [node for node in copy.graph.node if is_neuron(node)]
            self.scales[kind] = {node.name or node.output[0]: read_neuron(node).scale for node in nodes}
        return self.scales[kind]
