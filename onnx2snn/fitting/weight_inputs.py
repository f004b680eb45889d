"""Gathers what the weights of a network are given by calibration data: the inputs of every synapse, patch by patch."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import helper

from onnx2snn.fitting.calibrate import with_outputs
from onnx2snn.fitting.rounding import Seen
from onnx2snn.passes.folding.quantise_weights import constant_weights
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.ops.conv import geometry

ROWS = 2048
"""So many patches a batch of samples are looked at, drawn from all."""
MOST_INPUTS = 4608
"""Synapses of more inputs a neuron are left out: their matrices take gigabytes."""
SAMPLES, BATCH = 32, 2
Rows = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""A function from the input of a synapse to what its neurons are given, [groups, rows, inputs of a neuron]."""


def inputs_of_weights(model: onnx.ModelProto, samples: Mapping[str, np.ndarray], axes: BatchAxes) -> dict[str, Seen]:
    """Return what the constant weights of the IR `model` are given by `samples`, by name, outside of recurrences."""
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    wanted: list[tuple[str, str, Rows]] = []
    for node in model.graph.node:
        for name, _ in constant_weights(node, held):
            rows = _rows_of(node, name, tuple(held[name].dims))
            if rows is not None:
                wanted.append((name, node.input[0], rows))
    given = {value.name for value in model.graph.input}
    made = list(dict.fromkeys(source for _, source, _ in wanted if source not in given and source not in held))
    ann = Ann(with_outputs(model, made), made, axes=axes)
    found: dict[str, Seen] = {}
    draw = np.random.default_rng(0)
    for part, _ in axes.split(dict(samples), BATCH):
        values = {**part, **(ann(part) if made else {})}
        for name, source, rows in wanted:
            value = values.get(source)
            if isinstance(value, np.ndarray) and np.isfinite(value).all():
                seen = found.setdefault(name, Seen(np.zeros(()), np.zeros(())))
                seen.update(rows(value.astype(np.float32), draw))
    return found


def _rows_of(node: onnx.NodeProto, name: str, dims: tuple[int, ...]) -> Rows | None:
    """Return how inputs of `node` become rows, None for one whose weights `name` stand on the left, or are large."""
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Conv" and np.prod(dims[1:]) <= MOST_INPUTS:
        return lambda x, draw: _patches(x, dims[2:], given, draw)
    if node.op_type not in ("Gemm", "MatMul") or name != node.input[1] or len(dims) != 2:
        return None
    inputs = dims[1] if given.get("transB") else dims[0]
    if inputs > MOST_INPUTS:
        return None
    turned = bool(given.get("transA"))
    return lambda x, draw: _some((x.T if turned else x).reshape(-1, inputs), draw)[None]


def _some(rows: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= ROWS else rows[np.sort(draw.choice(len(rows), ROWS, replace=False))]


def _patches(x: np.ndarray, kernel: tuple[int, ...], given: dict[str, object], draw: np.random.Generator) -> np.ndarray:
    """Return patches of x [N, C, *spatial] as [groups, rows, C / groups * kernel]."""
    names = ("strides", "dilations", "pads")
    auto = given.get("auto_pad", b"NOTSET")
    form = geometry(x.shape[2:], kernel, *(given.get(n) for n in names), auto.decode())  # type: ignore
    x = np.pad(x, [(0, 0), (0, 0), *zip(form.begin, form.end, strict=True)])
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, form.dilations, strict=True))
    windows = sliding_window_view(x, reach, tuple(range(2, x.ndim)))
    steps: Any = [[slice(None, None, n) for n in each] for each in (form.strides, form.dilations)]
    kept: Any = (slice(None), slice(None), *steps[0], *steps[1])
    windows = windows[kept]  # [N, C, *places, *kernel]
    places = (windows.shape[0], *windows.shape[2 : 2 + len(kernel)])
    chosen = np.unravel_index(_some(np.arange(np.prod(places)), draw), places)
    rows = windows[(chosen[0], slice(None), *chosen[1:])]  # [rows, C, *kernel]
    groups = int(given.get("group", 1))  # type: ignore[call-overload]
    return rows.reshape(len(rows), groups, -1).transpose(1, 0, 2)
