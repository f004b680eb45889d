"""Applies settings to a spiking network and measures the result; a trial is one run."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from onnx2snn.data.readers import Samples
from onnx2snn.data.samples import taken
from onnx2snn.evaluation.class_axis import answer_axes
from onnx2snn.evaluation.comparison import Comparison, Tally
from onnx2snn.fitting.calibrate import calibrate
from onnx2snn.fitting.candidates import GIVEN, MOST_LEVELS, MOST_MANTISSA, Change, Setting
from onnx2snn.reference.ann import run_ann
from onnx2snn.settings import RangeSettings, SpikeSettings
from onnx2snn_runtime.errors import trying
from onnx2snn_runtime.ir.schema import is_neuron, read_neuron
from onnx2snn_runtime.model import SpikingModel

_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
BATCH = 64


@dataclass(frozen=True)
class Point:
    """The figures of one setting after some time steps."""

    timesteps: int
    agreement: float | None
    relative_error: float
    accuracy: float | None
    events_per_neuron: float
    setting: str


@dataclass(frozen=True)
class Goal:
    """What is wanted: agreement with the plain network or relative error, at most `timesteps` and events a neuron."""

    timesteps: int
    agreement: float | None = None
    error: float | None = None
    max_events: float | None = None

    @property
    def steps(self) -> list[int]:
        """Return the numbers of time steps to look at."""
        usual = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
        return sorted({t for t in usual if t < self.timesteps} | {self.timesteps})

    def key(self, point: Point) -> tuple[float, ...]:
        """Return what orders points, the best first: shortfall; then time steps and events, or the error."""
        short = 0.0
        if self.agreement is not None and point.agreement is not None:
            short += max(0.0, self.agreement - point.agreement)
        if self.error is not None:
            short += max(0.0, point.relative_error / self.error - 1)
        if self.max_events is not None:
            short += max(0.0, point.events_per_neuron / self.max_events - 1)
        if short or (self.agreement is None and self.error is None):
            return (short, point.relative_error, point.timesteps, point.events_per_neuron)
        return (0.0, point.timesteps, round(point.events_per_neuron, 3), point.relative_error)

    def met(self, point: Point) -> bool:
        """Return whether `point` has everything that was asked for."""
        return self.key(point)[0] == 0.0


class Tuner:
    """Puts settings into `snn`, and looks at what they give."""

    def __init__(self, snn: SpikingModel, samples: Samples, steps: list[int]) -> None:
        self.snn = snn
        self.samples = samples
        self.steps = steps
        self.trials = 0
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

    def look(self, setting: Setting, samples: slice) -> list[Point]:
        """Return the figures of `setting` at every number of time steps, on some of the samples."""
        self.put(setting)
        self.trials += 1
        axes = self.snn.program.axes
        places = range(self.samples.count)[samples]
        inputs = taken(self.samples.inputs, places, axes)
        labels = None if self.samples.labels is None else self.samples.labels[samples]
        with trying():
            run = self.snn.run(inputs, self.steps, batch_size=BATCH)
        comparison = Comparison(self.axis, self.port.type in _FLOATS, {t: Tally() for t in self.steps})
        outputs = {t: out[self.port.name] if isinstance(out, dict) else out for t, out in run.outputs.items()}
        comparison.add(self.reference[self.port.name][samples], outputs, labels)
        found = comparison.figures(1)["timesteps"]
        return [
            Point(
                t,
                found[str(t)]["agreement"],
                float("inf") if found[str(t)]["relative_error"] is None else found[str(t)]["relative_error"],
                found[str(t)]["accuracy"],
                run.events_per_neuron[t],
                str(setting),
            )
            for t in self.steps
        ]

    def _scales(self, kind: str) -> dict[str, np.ndarray]:
        """Return the scales of every population, one a layer, a channel or a neuron, measured on the samples."""
        if kind not in self.scales:
            copy = onnx.ModelProto()
            copy.CopyFrom(self.snn.proto)
            calibrate(copy, self.samples.inputs, RangeSettings(scale=kind), SpikeSettings())
            nodes = [node for node in copy.graph.node if is_neuron(node)]
            self.scales[kind] = {node.name or node.output[0]: read_neuron(node).scale for node in nodes}
        return self.scales[kind]
