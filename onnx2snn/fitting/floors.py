"""A floor for the scales of populations that hardly moved in calibration.

An estimate moves by less than two scales a step, so a scale that was measured on next to nothing puts other data out of
reach: a rectifier whose input was negative but for a few samples is the common case. What else its function may give is
tried with the signs of its sources turned, max |f(-x)|; beyond the largest source, max |x|, and beyond what is typical
of the network it is not believed. With the scale the levels rise, by as many octaves: every spike that could be sent
before can be sent with them, so that on the calibration data nothing changes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import onnx
from onnx import helper

from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.batch import BatchAxes, axes_of
from onnx2snn_runtime.ir.schema import NeuronAttributes, is_neuron, read_neuron

HARDLY = 2.0**-4
"""A population whose largest output is below this share of what is typical hardly moved."""

PARTS = 2.0**-8
"""No channel or neuron has a scale below this share of its population's."""

RAISED = 8
"""No more levels than this are added for a floor."""

BATCHES = 4
"""So many batches of samples are tried."""


def floors(
    model: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    largest: Mapping[str, float],
    batch: int,
    axes: BatchAxes | None = None,
) -> dict[str, float]:
    """Return the floors of the populations, by output, that hardly moved on `inputs`; those without one are left out.

    `largest` holds max |f(x)| of every population.
    """
    typical = _typical(inputs, largest)
    still = [n for n in model.graph.node if is_neuron(n) and largest[n.output[0]] < HARDLY * typical]
    if not still:
        return {}
    tried, names = _turned(model, still)
    wanted = [name for own in names.values() for name in own]
    seen = dict.fromkeys(wanted, 0.0)
    try:
        ann = Ann(tried, wanted, axes=axes_of(model) if axes is None else axes)
        for part, _ in islice(ann.axes.split(inputs, batch), BATCHES):
            for name, value in ann(part).items():
                seen[name] = max(seen[name], _magnitude(value))
    except ModelError:
        return {}  # a function that cannot be computed there, such as a table that is looked up
    found = {output: min(*(seen[name] for name in own), typical) for output, own in names.items()}
    return {output: value for output, value in found.items() if value > largest[output]}


def _typical(inputs: Mapping[str, np.ndarray], largest: Mapping[str, float]) -> float:
    """Return the median of the largest magnitudes of the inputs and of the populations that moved."""
    sizes = [_magnitude(value) for value in inputs.values() if value.dtype.kind == "f"]
    moved = [value for value in (*sizes, *largest.values()) if value > 0]
    return float(np.median(moved)) if moved else 0.0


def _magnitude(value: np.ndarray) -> float:
    """Return the largest finite magnitude in `value`."""
    held = np.abs(value.astype(np.float64))
    return float(held[np.isfinite(held)].max(initial=0.0))


def _turned(
    model: onnx.ModelProto, neurons: Sequence[onnx.NodeProto]
) -> tuple[onnx.ModelProto, dict[str, tuple[str, str]]]:
    """Return a copy of `model` that gives f(-x) and max |x| for `neurons`, and the names of these, by output."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    names = {}
    for index, node in enumerate(neurons):
        count, stem = read_neuron(node).sources, f"onnx2snn_floor/{index}"
        turned = onnx.NodeProto()
        turned.CopyFrom(node)
        turned.name, turned.output[0] = stem, f"{stem}/f"
        for i in range(count):
            turned.input[i] = f"{stem}/x{i}"
            copy.graph.node.append(helper.make_node("Neg", [node.input[i]], [f"{stem}/x{i}"]))
            copy.graph.node.append(helper.make_node("Abs", [node.input[i]], [f"{stem}/a{i}"]))
            copy.graph.node.append(helper.make_node("ReduceMax", [f"{stem}/a{i}"], [f"{stem}/m{i}"], keepdims=0))
        copy.graph.node.append(turned)
        copy.graph.node.append(helper.make_node("Max", [f"{stem}/m{i}" for i in range(count)], [f"{stem}/m"]))
        names[node.output[0]] = (f"{stem}/f", f"{stem}/m")
    for name in (name for own in names.values() for name in own):
        copy.graph.output.append(helper.make_empty_tensor_value_info(name))
    return copy, names


def raised(attributes: NeuronAttributes, floor: float) -> NeuronAttributes:
    """Return `attributes` with no scale below `floor` (0: none), and with the levels that keep small spikes."""
    old = float(np.max(attributes.scale))
    if old >= floor:
        return attributes
    least = _power(floor)
    octaves = min(RAISED, round(math.log2(least / old))) if attributes.maximum else 0
    scale = np.maximum(attributes.scale, np.float32(least))
    return replace(attributes, scale=scale, levels=min(100, attributes.levels + octaves))


def evened(scale: np.ndarray, largest: float) -> np.ndarray:
    """Return the scales of a population, those of its channels or neurons not far below its `largest` output."""
    return np.maximum(scale, np.float32(PARTS * _power(largest))) if scale.size > 1 and largest > 0 else scale


def _power(value: float) -> float:
    """Return the smallest power of two not below `value` > 0."""
    return 2.0 ** math.ceil(math.log2(value))
