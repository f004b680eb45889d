"""One trial: a stream through a clip with some dead zones and steps a frame, and what it costs and keeps to."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx import TensorProto

from onnx2snn.evaluation.class_axis import answer_axes
from onnx2snn.fitting.errors import relative_error
from onnx2snn.fitting.sequences.clips import Clip, reference
from onnx2snn_runtime.batches.stream_frame import StreamFrame
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.energy import HOROWITZ, spent
from onnx2snn_runtime.probing.operations import Operations, summed

_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
Zones = Mapping[str, float]
"""Dead zones in units of the scales, by population, or by input that spikes."""
Judge = Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float]
"""The error of the outputs of a stream, a frame each, beside those of the plain network: (expected, found)."""


@dataclass(frozen=True)
class Passes:
    """Whether a frame is computed `coarse` octaves coarser first, and below what `margin` it is refined then."""

    coarse: int = 0
    margin: float = 0.0


ONE_PASS = Passes()
CODED = 16, 3
"""Levels and mantissa bits of an input that is coded by `differential`, where nothing was chosen: 8 bits."""


@dataclass(frozen=True)
class StreamPoint:
    """The figures of a stream, a frame and sequence, with `steps` time steps a frame.

    operations             effective ones by NeuroBench's rule, products of activations among them
    dense, advantage       those of the plain network if nothing were zero, and how many times fewer there are
    first                  operations of the first frame, which is part of the mean
    relative_error         or what the `judge` of the search says
    agreement              share of frames with the plain network's top-1, None where there are no classes
    events_per_neuron      spikes; silent: share of neurons and steps without one
    energy, energy_int8    of shift-adds and multiplications, over that of the dense network in fp32 and int8
    passes, refined        what `SpikingModel.stream` does with unsure frames, and the share of frames refined
    """

    steps: int
    operations: float
    dense: float
    first: float
    relative_error: float
    agreement: float | None
    events_per_neuron: float
    silent: float
    energy: float
    energy_int8: float
    setting: str = ""
    passes: Passes = ONE_PASS
    refined: float = 0.0

    @property
    def advantage(self) -> float:
        """How many times fewer operations than dense there are."""
        return self.dense / max(1.0, self.operations)


class Trier:
    """Puts dead zones into `snn` and runs it through clips."""

    def __init__(self, snn: SpikingModel, judge: Judge | None = None) -> None:
        self.snn, self.judge = snn, judge or _relative
        ports = snn.program.outputs
        self.port = next((port for port in ports if port.type in _FLOATS), ports[0])
        self.inputs = list(snn.defaults.spiking_inputs)
        self.names = snn.population_names()
        self.trials = 0
        self._known: dict[int, list[np.ndarray]] = {}
        self._clips: list[Clip] = []
        if snn.defaults.dynamics not in ("differential", "ternary"):
            raise InputError(
                f"the dynamics {snn.defaults.dynamics!r} has no dead zone: fit streams of differential or ternary ones"
            )
        own = {name: snn.program.attributes(name) for name in self.names}
        self.own = {name: (each.levels, each.mantissa) for name, each in own.items()}
        self.options = dict(snn.defaults.encoder_options)
        self.coded: tuple[int, int] | None = None
        if snn.defaults.encoder == "differential":
            self.coded = self.options.get("levels", CODED[0]), self.options.get("mantissa", CODED[1])
        self.axis: int | None = None

    def expected(self, clip: Clip) -> list[np.ndarray]:
        """Return what the plain network gives for every frame of `clip`."""
        if id(clip) not in self._known:
            self._clips.append(clip)  # so that no other gets its number
            self._known[id(clip)] = reference(self.snn, clip, self.port.name)
            if self.axis is None:
                first = self._known[id(clip)][0]
                self.axis, _ = answer_axes(self.snn.proto, self.port.name, self.snn.program.axes, first, None)
        return self._known[id(clip)]

    def margins(self, clip: Clip) -> np.ndarray:
        """Return how far the plain network's largest class lies above the second, of every frame, ascending."""
        expected = np.stack(self.expected(clip))
        if self.axis is None:
            return np.zeros(0)
        axis = self.axis + 1 if self.axis >= 0 else self.axis
        if expected.shape[axis] < 2:
            return np.zeros(0)
        best = np.partition(expected, -2, axis).take([-1, -2], axis)
        return np.sort(np.abs(np.diff(best, axis=axis)).ravel())

    def put(self, zones: Zones, passes: Passes = ONE_PASS) -> None:
        """Give the network these dead zones, 0 where none is named, and let it make these passes of a frame."""
        self.snn.set_defaults(coarse=passes.coarse, margin=passes.margin)
        graded = self.snn.defaults.dynamics == "differential"
        for name in self.names:
            zone = float(zones.get(name, 0.0))
            levels, mantissa = said(zone, *self.own[name]) if graded else self.own[name]
            self.snn.set_population(name, dead_zone=zone, levels=levels, mantissa=mantissa)
        if not self.inputs:
            return
        held = {name: float(zones.get(name, 0.0)) for name in self.inputs}
        changes: dict[str, Any] = {"input_dead_zones": held}
        if self.coded:
            levels, mantissa = said(min(held.values()), *self.coded)
            changes["encoder_options"] = {**self.options, "levels": levels, "mantissa": mantissa}
        self.snn.set_defaults(**changes)

    def look(self, clip: Clip, zones: Zones, steps: int, setting: str = "", passes: Passes = ONE_PASS) -> StreamPoint:
        """Return the figures of a stream through `clip`."""
        expected = self.expected(clip)
        self.put(zones, passes)
        self.trials += 1
        found, counted, frames = list[np.ndarray](), list[Operations](), list[StreamFrame]()
        with self.snn.stream(steps, operations=True) as stream:
            for t in range(clip.length):
                y = stream(clip.frame(t))
                found.append(np.asarray(y[self.port.name] if isinstance(y, dict) else y))
                if stream.last.operations is not None:
                    counted.append(stream.last.operations)
                frames.append(stream.last)
        point = self._point(expected, found, counted, steps)
        silent = float(np.mean([frame.silent for frame in frames]))
        refined = float(np.mean([len(frame.refined) / frame.samples for frame in frames]))
        return replace(point, silent=silent, setting=setting, passes=passes, refined=refined)

    def _point(
        self, expected: list[np.ndarray], found: list[np.ndarray], counted: list[Operations], steps: int
    ) -> StreamPoint:
        whole, samples = summed(counted), counted[0].samples
        kinds = (HOROWITZ.fp32, HOROWITZ.int8)
        ratios = [spent(whole, kind) / max(1e-9, whole.dense_once * kind.mac) for kind in kinds]
        return StreamPoint(
            steps=steps,
            operations=whole.synaptic_operations / whole.samples,
            dense=whole.dense_once / whole.samples,
            first=counted[0].synaptic_operations / samples,
            relative_error=self.judge(expected, found),
            agreement=self._agreement(expected, found),
            events_per_neuron=whole.events / max(1, whole.neurons * whole.samples),
            silent=0.0,
            energy=ratios[0],
            energy_int8=ratios[1],
        )

    def _agreement(self, expected: list[np.ndarray], found: list[np.ndarray]) -> float | None:
        if self.axis is None:
            return None
        same = [np.mean(a.argmax(self.axis) == b.argmax(self.axis)) for a, b in zip(expected, found, strict=True)]
        return float(np.mean(same))


def said(zone: float, levels: int, mantissa: int) -> tuple[int, int]:
    """Return the levels and mantissa bits of a spike with a dead zone, in the bits that `levels` and `mantissa` take.

    The least spike is 1 to 2 dead zones. So an estimate whose target drifts goes past it, and is met again a zone on
    either side: half as often as one that stops at its target. Bits of levels that are never sent go to the mantissa.
    """
    if not zone:
        return levels, mantissa
    fewer = min(levels, max(1, math.ceil(math.log2(1.0 / zone))))
    return fewer, mantissa + (levels - 1).bit_length() - (fewer - 1).bit_length()


def named(point: StreamPoint, setting: str) -> StreamPoint:
    """Return `point` under another name."""
    return replace(point, setting=setting)


def _relative(expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    return relative_error({"": np.stack(expected)}, {"": np.stack(found)})
