"""Writes the weights of synapses as 8-bit integers with one scale an output channel.

    y = Conv(x, w)  ->  f = Cast<to = 1>(w_int8)   w = Mul(f, w_scale)   y = Conv(x, w)

(DequantizeLinear says the same, but onnxruntime fuses that with a product into one that rounds what arrives.)

The scale of a channel is that of the file where its values are multiples of one (a network that was quantised by
QuantizeLinear and DequantizeLinear, batch normalisation folded in or not), else its largest magnitude / 127.
"""

from collections.abc import Callable, Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn_runtime.ir.schema import is_neuron

MOST = 127
Rounding = Callable[[str, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
_FEW = 48
"""So many values of a channel are tried first."""
_CLOSE = 2e-3
"""How far a value may be from a multiple, as a share of the step: float32 has rounded it a few times."""


def quantise_weights(model: onnx.ModelProto, rounding: Rounding | None = None) -> tuple[int, list[str]]:
    """Rewrite the constant weights of convolutions and matrix products of `model` in place.

    `rounding` gives the integers of weights and their scales, by name, the weights [channels, ...] and scales that
    do [channels, 1]; by default these, and the nearest integers. Returns how many were rewritten, and the names of the
    nodes whose weights stay as they are: those inside rolled recurrences, and those that something else reads too,
    along another axis.
    """
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    axes: dict[str, set[int | None]] = {}
    users: dict[str, str] = {}
    for node in model.graph.node:
        wanted = dict(constant_weights(node, held))
        for name in node.input:
            if name in held:
                axes.setdefault(name, set()).add(wanted.get(name))
                users.setdefault(name, node.name or node.output[0])
    left = [node.name or node.output[0] for node in model.graph.node if node.op_type == "Scan"]
    made: list[onnx.NodeProto] = []
    for name, found in axes.items():
        wanted_axes = found - {None}
        if not wanted_axes or held[name].data_type not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
            continue
        if len(found) > 1:
            left.append(users[name])
            continue
        (axis,) = wanted_axes
        made += _rewrite(model, held[name], int(axis or 0), rounding or nearest)
    nodes = [*made, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return len(made) // 2, left


def constant_weights(node: onnx.NodeProto, held: dict[str, onnx.TensorProto]) -> Iterator[tuple[str, int]]:
    """Yield the constant weights of `node`, those in `held`, and the axis of their output channels."""
    if is_neuron(node) or node.domain not in ("", "ai.onnx"):
        return
    given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Conv" and node.input[1] in held:
        yield node.input[1], 0
    elif node.op_type == "ConvTranspose" and node.input[1] in held and given.get("group", 1) == 1:
        yield node.input[1], 1
    elif node.op_type == "Gemm":
        for index, flag in ((0, given.get("transA", 0)), (1, 1 - given.get("transB", 0))):
            if node.input[index] in held:
                yield node.input[index], int(flag)
    elif node.op_type == "MatMul":
        for index, axis in ((0, -2), (1, -1)):
            rank = len(held[node.input[index]].dims) if node.input[index] in held else 0
            if rank >= 2:
                yield node.input[index], rank + axis


def nearest(name: str, rows: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the integers nearest to the weights `rows` in steps of `scale`, and `scale`."""
    return np.rint(rows / scale), scale


def _rewrite(model: onnx.ModelProto, tensor: onnx.TensorProto, axis: int, rounding: Rounding) -> list[onnx.NodeProto]:
    """Replace the initializer `tensor` by integers and scales; return the nodes that give it back under its name."""
    weights = numpy_helper.to_array(tensor)
    scale = channel_scales(weights, axis)
    shape = [-1 if i == axis else 1 for i in range(weights.ndim)]
    front = np.moveaxis(weights, axis, 0)
    rows = front.reshape(len(front), -1).astype(np.float64)
    chosen, scale = rounding(tensor.name, rows, scale.reshape(-1, 1))
    chosen = chosen.clip(-MOST - 1, MOST).reshape(front.shape)
    integers = np.ascontiguousarray(np.moveaxis(chosen, 0, axis)).astype(np.int8)
    scale = scale.reshape(shape)
    name = tensor.name
    names = [f"{name}.int8", f"{name}.int8_scale"]
    kind = tensor.data_type
    model.graph.initializer.remove(tensor)
    model.graph.initializer.extend(
        [numpy_helper.from_array(integers, names[0]), numpy_helper.from_array(scale.astype(weights.dtype), names[1])]
    )
    cast = helper.make_node("Cast", names[:1], [f"{name}.cast"], f"{name}.cast", to=kind)
    return [cast, helper.make_node("Mul", [f"{name}.cast", names[1]], [name], f"{name}.scale")]


def channel_scales(weights: np.ndarray, axis: int) -> np.ndarray:
    """Return the scale of every channel along `axis`: the largest of which all values are small multiples.

    Channels whose values are no multiples of a number down to their largest magnitude / 128 have that of /127.
    """
    rows = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).astype(np.float64)
    top = np.abs(rows).max(1)
    top[top == 0] = 1.0
    scale = top / MOST
    few = rows[:, np.argsort(-np.abs(rows).mean(0))[:_FEW]] / top[:, None]
    open_rows = np.ones(len(rows), bool)
    for count in range(1, MOST + 2):  # the largest magnitude is so many steps
        near = open_rows & (np.abs(few * count - np.rint(few * count)).max(1) < _CLOSE)
        for row in np.flatnonzero(near):
            multiples = rows[row] / top[row] * count
            if np.abs(multiples - np.rint(multiples)).max() < _CLOSE and np.rint(multiples).max() <= MOST:
                scale[row], open_rows[row] = top[row] / count, False
    return scale
