"""Preserves the semantics of old operators that ONNX's version converter changes.

y = Upsample(x, s), y = Resize(x, s) before opset 11   ->  y = Resize(x, , s) at the positions i / s; nearest takes the
    element below, along an axis that opset 10's Resize shrinks the one above
y = Hardmax<axis = a>(x) before opset 13               ->  f = Flatten<axis = a>(x); h = Hardmax(f); y = Reshape(h, s)
y, m = BatchNormalization(x, ...) before opset 14      ->  training_mode = 1: several outputs meant just that
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.passes.rewriting.graph_tools import graphs_of
from onnx2snn_runtime.errors import ModelError

_TRAINS_BY_NAME = 14


def flatten_hardmax(model: onnx.ModelProto) -> None:
    """Write out that an old Hardmax takes all axes from its own (1) on as one; the converter keeps the axis alone."""
    for graph in graphs_of(model.graph):
        for node in [n for n in graph.node if n.op_type == "Hardmax" and n.domain in ("", "ai.onnx")]:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
            x, y = node.input[0], node.output[0]
            shape, flat, hard = (f"{y}.{part}" for part in ("shape", "flat", "hard"))
            new = [
                helper.make_node("Shape", [x], [shape], shape),
                helper.make_node("Flatten", [x], [flat], flat, axis=axis),
                helper.make_node("Hardmax", [flat], [hard], node.name, axis=1),
                helper.make_node("Reshape", [hard, shape], [y], f"{y}.again"),
            ]
            place = next(i for i, other in enumerate(graph.node) if other is node or other == node)
            del graph.node[place]
            for offset, other in enumerate(new):
                graph.node.insert(place + offset, other)


def keep_sampling(model: onnx.ModelProto) -> None:
    """Give every Resize the coordinates that it had, in subgraphs too; the converter leaves today's defaults."""
    constants = _constants(model)
    for graph in graphs_of(model.graph):
        for node in [n for n in graph.node if n.op_type == "Resize"]:
            given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            mode = given.get("mode", b"nearest")
            mode = b"linear" if mode == b"bilinear" else mode
            scales = constants.get(node.input[2])
            del node.attribute[:]
            _set(node, mode, "floor")
            if mode == b"nearest" and (scales is None or (scales < 1).any()):
                _shrink(graph, node, scales)


def _set(node: onnx.NodeProto, mode: bytes, nearest: str) -> None:
    given = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": nearest}
    node.attribute.extend(helper.make_attribute(name, value) for name, value in given.items())


def _shrink(graph: onnx.GraphProto, node: onnx.NodeProto, scales: np.ndarray | None) -> None:
    """Shrink by a Resize of its own, which takes the element above, and enlarge by `node`, where it is to."""
    if scales is not None and not (scales > 1).any():
        del node.attribute[:]
        _set(node, b"nearest", "ceil")
        return
    stem = node.output[0]
    one, small, large, middle = (f"{stem}.{part}" for part in ("one", "smaller", "larger", "shrunk"))
    unit = numpy_helper.from_array(np.ones(1, np.float32), one)
    first = helper.make_node("Resize", [node.input[0], "", small], [middle], middle)
    _set(first, b"nearest", "ceil")
    new = [
        helper.make_node("Constant", [], [one], one, value=unit),
        helper.make_node("Min", [node.input[2], one], [small], small),
        helper.make_node("Max", [node.input[2], one], [large], large),
        first,
    ]
    place = next(i for i, other in enumerate(graph.node) if other is node or other == node)
    node.input[0], node.input[2] = middle, large
    for offset, other in enumerate(new):
        graph.node.insert(place + offset, other)


def _constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    found: dict[str, onnx.TensorProto] = {}
    for graph in graphs_of(model.graph):
        found |= {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                found[node.output[0]] = node.attribute[0].t
    return {name: numpy_helper.to_array(tensor) for name, tensor in found.items()}


class BatchStatistics:
    """The BatchNormalizations of an old model that have several outputs, which meant statistics of the batch.

    The version converter knows the form of one output alone: `hide` leaves the others out, `show` brings them back.
    """

    def __init__(self, model: onnx.ModelProto, opset: int) -> None:
        nodes = [n for n in _normalizations(model) if any(n.output[1:])] if opset < _TRAINS_BY_NAME else []
        self.nodes = nodes
        self.outputs = {node.output[0]: list(node.output) for node in nodes}
        read = {name for graph in graphs_of(model.graph) for node in graph.node for name in node.input}
        self.read = read | {value.name for graph in graphs_of(model.graph) for value in graph.output}

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def hide(self) -> None:
        """Leave one output; the saved statistics, which nothing has in newer opsets, raise ModelError if read."""
        for node in self.nodes:
            for name in node.output[3:]:
                if name in self.read:
                    raise ModelError(
                        f"{name!r}, an output of the BatchNormalization node {node.name or node.output[0]!r}, is of "
                        "training alone: export the model for inference"
                    )
            del node.output[1:]

    def show(self, model: onnx.ModelProto) -> None:
        """Mark the normalizations in the converted `model`, and give them their running statistics again."""
        for node in _normalizations(model):
            outputs = self.outputs.get(node.output[0])
            if outputs:
                node.output.extend((*outputs[1:3], f"{outputs[0]}.variance")[:2])
                node.attribute.append(helper.make_attribute("training_mode", 1))


def _normalizations(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    for graph in graphs_of(model.graph):
        yield from (n for n in graph.node if n.op_type == "BatchNormalization" and n.domain in ("", "ai.onnx"))
