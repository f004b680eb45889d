"""Measures the range of every population by running the ANN on sample data with onnxruntime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper

from onnx2snn.fitting.floors import evened, floors, raised
from onnx2snn.reference.ann import Ann
from onnx2snn.settings import RangeSettings, SpikeSettings
from onnx2snn.settings.ranges import check_range
from onnx2snn_runtime.ir.batch import BatchAxes, axes_of
from onnx2snn_runtime.ir.recurrence import body_of, expose, neurons_of, recurrences
from onnx2snn_runtime.ir.schema import NeuronAttributes, read_neuron, write_neuron

__all__ = ["Statistics", "calibrate", "check_range", "measure", "power_of_two", "with_outputs"]
PERCENTILE = 99.9
"""The share of a population's nonzero outputs, in percent, that a percentile range holds (Rueckauer et al. 2017)."""


@dataclass
class Statistics:
    """What was seen of one population's output: largest magnitude, an element each, and the mean square.

    `octaves[k]` counts the nonzero magnitudes in (2^(k - 101), 2^(k - 100)], where they are asked for.
    """

    largest: np.ndarray = field(default_factory=lambda: np.zeros(()))
    squares: float = 0.0
    count: int = 0
    octaves: np.ndarray = field(default_factory=lambda: np.zeros(201, np.int64))

    def update(self, values: np.ndarray, per_neuron: bool, octaves: bool = False) -> None:
        """Take in `values` [batch, ...]; what is not finite counts as nothing."""
        magnitude = np.abs(np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0))
        self.squares += float(np.square(magnitude).sum())
        self.count += magnitude.size
        if octaves:
            exponents = np.log2(power_of_two(magnitude[magnitude > 0])).astype(np.int64)
            self.octaves += np.bincount(exponents + 100, minlength=201)
        largest = magnitude.max(axis=0) if per_neuron and magnitude.ndim else np.asarray(magnitude.max(initial=0.0))
        same = self.largest.shape == largest.shape
        self.largest = np.maximum(self.largest, largest) if same else np.maximum(self.largest.max(), largest)

    def percentile(self, percent: float) -> float:
        """Return the smallest power of two that `percent` of the nonzero magnitudes do not exceed."""
        held = np.cumsum(self.octaves) >= self.octaves.sum() * percent / 100
        return float(2.0 ** (int(np.argmax(held)) - 100)) if self.octaves.any() else 0.0


def calibrate(
    model: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    ranges: RangeSettings,
    spikes: SpikeSettings,
    *,
    batch: int = 8,
    axes: BatchAxes | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write the parameters of every population of the IR `model`, measured on `inputs`, samples along `axes`.

    The scale is the smallest power of two not below the largest magnitude: one for the layer, for each channel or for
    each neuron; where the size of a population is not fixed, one for the layer. What never moved has the scale 1, and
    what hardly moved the scale and the levels of `floors`. The range "percentile" holds 99.9 % of a layer's nonzero
    outputs instead: thresholds for rate-coded neurons.
    """
    per_neuron = ranges.scale != "layer"
    found = measure(
        model, inputs, per_neuron=per_neuron, octaves=ranges.robust, batch=batch, axes=axes, progress=progress
    )
    moved = {name: float(seen.largest.max(initial=0.0)) for name, seen in found.items()}
    least = {} if ranges.robust else floors(model, inputs, moved, batch, axes)
    shapes = _static_shapes(model)
    rank3_convolutions = _has_rank3_convolutions(model)
    for node in neurons_of(model.graph):
        seen = found[node.output[0]]
        largest = _largest(seen.largest, ranges.scale, shapes.get(node.output[0]), rank3_convolutions)
        scale = power_of_two(np.asarray(seen.percentile(PERCENTILE)) if ranges.robust else largest)
        attributes = NeuronAttributes(
            sources=read_neuron(node).sources,
            scale=evened(scale, float(largest.max())),
            levels=spikes.levels,
            mantissa=spikes.mantissa,
            maximum=float(largest.max()),
            rms=(seen.squares / max(1, seen.count)) ** 0.5,
        )
        write_neuron(node, raised(attributes, least.get(node.output[0], 0.0)))


def _largest(largest: np.ndarray, scale: str, shape: tuple[int, ...] | None, rank3_convolutions: bool) -> np.ndarray:
    """Return the largest magnitude of a layer, or of each of its channels or neurons, as far as its `shape` is known.

    `largest` is that of each neuron, or of the layer [].
    """
    if scale == "layer" or shape is None or largest.shape != shape:
        return np.asarray(largest.max())
    return _by_channel(largest, rank3_convolutions) if scale == "channel" else largest


def measure(
    model: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    *,
    per_neuron: bool = False,
    octaves: bool = False,
    batch: int = 8,
    axes: BatchAxes | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Statistics]:
    """Return the statistics of every population of `model` on `inputs`, by the name of its output."""
    names = [node.output[0] for node in neurons_of(model.graph)]
    ann = Ann(with_outputs(model, names), names, axes=axes_of(model) if axes is None else axes)
    inside = {n.output[0] for scan in recurrences(model.graph) for n in neurons_of(body_of(scan))}
    found = {name: Statistics() for name in names}
    total, done = ann.axes.count({name: value.shape for name, value in inputs.items()}), 0
    for part, count in ann.axes.split(inputs, batch):
        for name, values in ann(part).items():
            at_once = values.reshape(-1, *values.shape[2:]) if name in inside else values  # positions, samples
            found[name].update(at_once, per_neuron, octaves)
        done += count
        if progress:
            progress(done / total)
    return found


def with_outputs(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """Return a copy of `model` that has the values `names` among its outputs, those of recurrences [positions, ...]."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    expose(copy.graph, names)
    present = {value.name for value in copy.graph.output}
    known = {value.name: value for value in copy.graph.value_info}
    for name in names:
        if name not in present:
            copy.graph.output.append(known.get(name) or helper.make_empty_tensor_value_info(name))
    return copy


def power_of_two(magnitude: np.ndarray) -> np.ndarray:
    """Return the smallest powers of two not below `magnitude`, 1 for 0, within float32."""
    fraction, exponent = np.frexp(magnitude)
    exponent = np.where(fraction == 0.5, exponent - 1, exponent)
    return np.where(magnitude > 0, np.exp2(np.clip(exponent, -100, 100)), 1.0).astype(np.float32)


def _by_channel(largest: np.ndarray, rank3_convolutions: bool) -> np.ndarray:
    """Reduce [...] without its batch axis to one a channel: the first axis of maps, the last of sequences."""
    if largest.ndim < 2:
        return largest
    axis = largest.ndim - 1 if largest.ndim == 2 and not rank3_convolutions else 0
    others = tuple(i for i in range(largest.ndim) if i != axis)
    reduced: np.ndarray = largest.max(axis=others, keepdims=True)
    return reduced


def _has_rank3_convolutions(model: onnx.ModelProto) -> bool:
    dims = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
    return any(n.op_type in ("Conv", "ConvTranspose") and dims.get(n.input[1]) == 3 for n in model.graph.node)


def _static_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes, without the batch axis, of the values of which all other dimensions are known."""
    shapes = {}
    for value in (*model.graph.value_info, *model.graph.output):
        dims = value.type.tensor_type.shape.dim[1:]
        if all(d.HasField("dim_value") for d in dims):
            shapes[value.name] = tuple(d.dim_value for d in dims)
    return shapes
