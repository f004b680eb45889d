"""Measures the range of every population by running the ANN on sample data with onnxruntime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import onnx
from onnx import helper

from onnx2snn.fitting.floors import evened, floors, raised
from onnx2snn.fitting.powers import power_of_two
from onnx2snn.fitting.reach import is_beyond, reaching
from onnx2snn.reference.ann import Ann
from onnx2snn.settings import RangeSettings, SpikeSettings
from onnx2snn.settings.payload import bits_of
from onnx2snn.settings.ranges import check_range
from onnx2snn.settings.spikes import Spikes
from onnx2snn_runtime.ir.batch import BatchAxes, axes_of
from onnx2snn_runtime.ir.recurrence import body_of, expose, neurons_of, recurrences
from onnx2snn_runtime.ir.schema import NeuronAttributes, read_neuron, write_neuron

__all__ = ["Statistics", "calibrate", "check_range", "with_outputs"]
PERCENTILE = 99.9
"""The share of a population's nonzero outputs, in percent, that a percentile range holds (Rueckauer et al. 2017)."""


@dataclass
class Statistics:
    """What was seen of one population's output: largest magnitudes and sums of squares, [] or an element each.

    `count` are the values that went into the sums. `octaves[k]` counts the nonzero magnitudes in
    (2^(k - 101), 2^(k - 100)], where they are asked for.
    """

    largest: np.ndarray = field(default_factory=lambda: np.zeros(()))
    squares: np.ndarray = field(default_factory=lambda: np.zeros(()))
    count: int = 0
    octaves: np.ndarray = field(default_factory=lambda: np.zeros(201, np.int64))

    def update(self, values: np.ndarray, axes: tuple[int, ...] | None = None, octaves: bool = False) -> None:
        """Take in `values` [batch, ...], over `axes` (None: all) with the batch axis; what is not finite is 0."""
        magnitude = np.abs(np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0))
        if octaves:
            exponents = np.log2(power_of_two(magnitude[magnitude > 0])).astype(np.int64)
            self.octaves += np.bincount(exponents + 100, minlength=201)
        over = None if axes is None or not magnitude.ndim else axes
        largest = np.asarray(magnitude.max(axis=over, initial=0.0, keepdims=over is not None))
        squares = np.asarray(np.square(magnitude).sum(axis=over, keepdims=over is not None))
        if over is not None:
            largest, squares = largest[0], squares[0]
        if not self.count:
            self.largest, self.squares = largest, squares
        elif self.largest.shape == largest.shape:
            self.largest, self.squares = np.maximum(self.largest, largest), self.squares + squares
        else:  # of a size that varies: one for the layer
            self.largest = np.maximum(self.largest.max(), largest.max())
            self.squares = np.asarray(self.squares.sum() + squares.sum())
        self.count += magnitude.size

    @property
    def rms(self) -> np.ndarray:
        """Return the root mean squares, in the shape of `squares`."""
        return np.sqrt(self.squares * self.squares.size / max(1, self.count))

    def percentile(self, percent: float) -> float:
        """Return the smallest power of two that `percent` of the nonzero magnitudes do not exceed."""
        held = np.cumsum(self.octaves) >= self.octaves.sum() * percent / 100
        return float(2.0 ** (int(np.argmax(held)) - 100)) if self.octaves.any() else 0.0


def calibrate(
    model: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    ranges: RangeSettings,
    spikes: SpikeSettings | Spikes,
    *,
    batch: int = 8,
    axes: BatchAxes | None = None,
    others: Mapping[str, np.ndarray] | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[str]:
    """Write the parameters of every population of the IR `model`, measured on `inputs`, samples along `axes`.

    Return the names of the populations that samples of `others` took far beyond that range (`reach`), for whose
    scales these count too.

    The scale is the smallest power of two not below the largest magnitude: one for the layer, for each channel or for
    each neuron; where the size of a channel axis, or of a population, is not fixed, one for the layer. What never moved
    has the scale 1, and what hardly moved the scale and the levels of `floors`. The range "percentile" holds 99.9 % of
    a layer's nonzero outputs instead: thresholds for rate-coded neurons. "fitted" is a number: see `fitted_scale`.
    """
    spikes = spikes.resolved() if isinstance(spikes, SpikeSettings) else spikes
    measurement = Measurement(model, ranges.scale or "layer", ranges.robust, batch, axes)
    found = measurement.of(inputs, progress)
    beyond = {} if ranges.robust or (ranges.range or "maximum") != "maximum" else measurement.of(others or {})
    widened = []
    moved = {name: float(seen.largest.max(initial=0.0)) for name, seen in found.items()}
    least = {} if ranges.robust else floors(model, inputs, moved, batch, axes)
    for node in neurons_of(model.graph):
        seen = found[node.output[0]]
        attributes = NeuronAttributes(
            sources=read_neuron(node).sources,
            scale=evened(_scale(seen, ranges.range or "maximum"), float(seen.largest.max(initial=0.0))),
            levels=spikes.levels,
            mantissa=spikes.mantissa,
            maximum=float(seen.largest.max()),
            rms=float(np.sqrt(seen.squares.sum() / max(1, seen.count))),
        )
        attributes = raised(attributes, least.get(node.output[0], 0.0))
        if node.output[0] in beyond and is_beyond(attributes, beyond[node.output[0]].largest):
            attributes = reaching(attributes, beyond[node.output[0]].largest)
            widened.append(node.name or node.output[0])
        write_neuron(node, _kept_to(spikes, attributes))
    return widened


def _kept_to(spikes: Spikes, attributes: NeuronAttributes) -> NeuronAttributes:
    """Return `attributes` with fewer mantissa bits where their levels leave graded spikes no room for all of them."""
    room = spikes.bits - bits_of(attributes.levels, 0)
    if spikes.dynamics != "differential" or attributes.mantissa <= room:
        return attributes
    return replace(attributes, mantissa=max(0, room))


def _scale(seen: Statistics, range: str) -> np.ndarray:
    """Return the scale, or those of channels or neurons, of a population."""
    if range == "fitted":
        return fitted_scale(seen.largest, seen.rms)
    return power_of_two(np.asarray(seen.percentile(PERCENTILE)) if range == "percentile" else seen.largest)


def fitted_scale(largest: np.ndarray, rms: np.ndarray) -> np.ndarray:
    """Return sqrt(largest * 4 rms), but no less than a quarter of the largest of them, and 1 where nothing ever moved.

    For spikes of one size: between a scale that covers every output, for which the usual ones are small, and one that
    suits the usual ones, from which the outliers are many steps away. A channel that was quiet on the samples may not
    be so on others.
    """
    scale = np.sqrt(largest * 4 * rms)
    return np.where(scale.max() > 0, np.maximum(scale, scale.max() / 4), 1.0).astype(np.float32)


class Measurement:
    """Measures every population of a model: of the layer, or each channel or neuron (`scale`) whose number is known."""

    def __init__(
        self, model: onnx.ModelProto, scale: str, octaves: bool, batch: int = 8, axes: BatchAxes | None = None
    ) -> None:
        self.octaves, self.batch = octaves, batch
        names = [node.output[0] for node in neurons_of(model.graph)]
        self.ann = Ann(with_outputs(model, names), names, axes=axes_of(model) if axes is None else axes)
        self.inside = {n.output[0] for scan in recurrences(model.graph) for n in neurons_of(body_of(scan))}
        dims, rank3 = _dims(model), _has_rank3_convolutions(model)
        self.over = {name: _axes(scale, dims.get(name), rank3) for name in names}

    def of(
        self, inputs: Mapping[str, np.ndarray], progress: Callable[[float], None] | None = None
    ) -> dict[str, Statistics]:
        """Return the statistics of the populations on `inputs`, by the names of their outputs; {} without any."""
        if not inputs:
            return {}
        found = {name: Statistics() for name in self.over}
        total, done = self.ann.axes.count({name: value.shape for name, value in inputs.items()}), 0
        for part, count in self.ann.axes.split(inputs, self.batch):
            for name, values in self.ann(part).items():
                at_once = values.reshape(-1, *values.shape[2:]) if name in self.inside else values  # positions, samples
                found[name].update(at_once, self.over[name], self.octaves)
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


def _axes(scale: str, dims: list[int] | None, rank3_convolutions: bool) -> tuple[int, ...] | None:
    """Return the axes that statistics go over, the batch axis among them; None for all of them.

    `dims` are the sizes without the batch axis, 0 where one is not fixed. Channels are the first axis of maps, the last
    of sequences.
    """
    if scale == "layer" or not dims:
        return None
    if scale == "neuron" or len(dims) < 2:
        return (0,) if all(dims) else None
    channel = len(dims) - 1 if len(dims) == 2 and not rank3_convolutions else 0
    return tuple(i for i in range(len(dims) + 1) if i != channel + 1) if dims[channel] else None


def _has_rank3_convolutions(model: onnx.ModelProto) -> bool:
    dims = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
    return any(n.op_type in ("Conv", "ConvTranspose") and dims.get(n.input[1]) == 3 for n in model.graph.node)


def _dims(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the sizes of values, without the batch axis, 0 for those that are not fixed."""
    return {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim[1:]]
        for value in (*model.graph.value_info, *model.graph.output)
    }
