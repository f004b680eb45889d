"""The shapes that ONNX's own inference finds, at the price of the graph alone: weights go in as their sizes.

x: float[N, 4]; y = MatMul(x, w: float[4, 8])  ->  {"x": (None, 4), "w": (4, 8), "y": (None, 8)}
"""

import onnx
from onnx import helper

from onnx2snn.passes.rewriting.node_writer import Shape
from onnx2snn.reference.guarded import infer_shapes

_SMALL = 64
"""Constants of no more elements go in with their values: shapes, axes and repeats among them."""


def known_shapes(model: onnx.ModelProto) -> tuple[dict[str, Shape], dict[str, int]]:
    """Return the shape of every value whose rank is known, None for dimensions that are not, and the known types."""
    graph = _without_weights(model).graph
    shapes: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            shapes[value.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
        if tensor.elem_type:
            kinds[value.name] = tensor.elem_type
    return shapes, kinds


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with shapes inferred; its larger weights have become inputs of their shape."""
    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    light.graph.name = model.graph.name
    light.graph.node.extend(model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    inputs = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        if sum(tensor.dims) <= _SMALL and not tensor.external_data:
            light.graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            port = helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
            light.graph.input.append(port)
    return infer_shapes(light, data_prop=True)
