"""Decomposes MaxPool into a tree of neurons of two operands, as in the paper (`--neurons elementwise`).

    y = MaxPool(x, kernel 2x2)  ->  r = Max(rows 0, 2, ..; rows 1, 3, ..); y = Max(columns of r, likewise)

A window that reaches over the border takes an element of its own twice, which changes no maximum.
"""

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.neurons.classify_values import classify
from onnx2snn.passes.rewriting.graph_tools import fresh_name, label, put_in_place
from onnx2snn_runtime.errors import UnsupportedError


def decompose_max_pool(work: Work) -> int:
    """Rewrite every spiking MaxPool and GlobalMaxPool; one of unknown size raises UnsupportedError."""
    found = classify(work.graph, work.encoder)
    pools = [n for n in work.graph.nodes if n.op in ("MaxPool", "GlobalMaxPool") and found.kind(n) == "neuron"]
    for node in pools:
        _decompose(work, node)
    return len(pools)


def _decompose(work: Work, node: gs.Node) -> None:
    value, shape = node.inputs[0], node.inputs[0].shape
    if shape is None or not all(isinstance(size, int) for size in shape[2:]) or len(node.outputs) > 1:
        raise UnsupportedError(
            f"the {label(node)} cannot be made of elementwise neurons, because its input's size is not known: "
            "export with a fixed image size, or convert with --neurons region"
        )
    new: list[gs.Node] = []
    windows = [_windows(node, axis, size, len(shape) - 2) for axis, size in enumerate(shape[2:])]
    for axis, window in enumerate(windows):
        parts = [_select(work.graph, value, indices, axis + 2, new) for indices in window.T]
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=False)
            parts = [_maximum(work.graph, a, b, new) for a, b in pairs] + parts[len(parts) - len(parts) % 2 :]
        value = parts[0]
    put_in_place(work.graph, node, new, value)


def _windows(node: gs.Node, axis: int, size: int, rank: int) -> np.ndarray:
    """Return the input indices [outputs, kernel] of every window along a spatial axis."""
    if node.op == "GlobalMaxPool":
        return np.arange(size)[None]
    a = node.attrs
    kernel = a["kernel_shape"][axis]
    stride = a.get("strides", [1] * rank)[axis]
    dilation = a.get("dilations", [1] * rank)[axis]
    span = (kernel - 1) * dilation + 1
    before, after = _padding(a, axis, rank, size, stride, span)
    room = size + before + after - span
    count = (-(-room // stride) if a.get("ceil_mode", 0) else room // stride) + 1
    if a.get("ceil_mode", 0) and (count - 1) * stride >= size + before:
        count -= 1
    starts = np.arange(count) * stride - before
    indices = starts[:, None] + np.arange(kernel)[None] * dilation
    valid = (indices >= 0) & (indices < size)
    first = indices[np.arange(count), valid.argmax(1)]
    return np.where(valid, indices, first[:, None])


def _padding(a: dict, axis: int, rank: int, size: int, stride: int, span: int) -> tuple[int, int]:
    mode = a.get("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        total = max(0, (-(-size // stride) - 1) * stride + span - size)
        small = total // 2
        return (small, total - small) if mode == "SAME_UPPER" else (total - small, small)
    pads = a.get("pads", [0] * (2 * rank))
    return (pads[axis], pads[axis + rank]) if mode == "NOTSET" else (0, 0)


def _select(graph: gs.Graph, value: gs.Tensor, indices: np.ndarray, axis: int, new: list[gs.Node]) -> gs.Tensor:
    if len(indices) == value.shape[axis] and (indices == np.arange(len(indices))).all():
        return value
    shape = [*value.shape[:axis], len(indices), *value.shape[axis + 1 :]]
    name = fresh_name(graph, f"{value.name}/select")
    output = gs.Variable(name, value.dtype, shape)
    constant = gs.Constant(f"{name}/indices", indices.astype(np.int64))
    new.append(gs.Node("Gather", name, {"axis": axis}, [value, constant], [output]))
    return output


def _maximum(graph: gs.Graph, a: gs.Tensor, b: gs.Tensor, new: list[gs.Node]) -> gs.Tensor:
    name = fresh_name(graph, f"{a.name}/max")
    output = gs.Variable(name, a.dtype, a.shape)
    new.append(gs.Node("Max", name, {}, [a, b], [output]))
    return output
