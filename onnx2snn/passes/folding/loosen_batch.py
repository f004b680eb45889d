"""Rewrites what a batch size was built into, so that the graph can hold for any.

Reshape(y: float[1, ...], [1, 192])          ->  Reshape(y, [0, 192])
Concat(token: float[1, 1, 6], y: [1, 4, 6])  ->  Concat(Expand(token, [Shape(y)[0], 1, 6]), y)      a class token
"""

import onnx
from onnx import numpy_helper

from onnx2snn.passes.rewriting.node_builder import NodeBuilder, attributes_of, names_of


def loosen(model: onnx.ModelProto, size: int) -> None:
    """Rewrite `model`, whose shapes are inferred, where the first axis of a value is, or may be, a batch of `size`."""
    shapes = {v.name: v.type.tensor_type.shape.dim for v in (*model.graph.value_info, *model.graph.input)}
    batched = {name for name, dims in shapes.items() if dims and dims[0].dim_value in (0, size)}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    _reshapes(model, size, batched, constants)
    _tokens(model, size, constants)
    del model.graph.value_info[:]


def _reshapes(model: onnx.ModelProto, size: int, batched: set[str], constants: dict[str, onnx.TensorProto]) -> None:
    merged: set[str] = set()  # values of which the first axis is samples by heads
    for node in model.graph.node:
        if node.op_type != "Reshape" or node.input[1] not in constants:
            if merged.intersection(node.input):
                merged.update(set(node.output) - batched)
            continue
        shape = numpy_helper.to_array(constants[node.input[1]]).copy()
        if shape.ndim != 1 or not shape.size or shape[0] < size or shape[0] % size:
            continue
        if node.input[0] in batched and shape[0] == size:
            shape[0] = 0
        elif (node.input[0] in batched or node.input[0] in merged) and -1 not in shape:
            merged.update(node.output if shape[0] > size else ())
            shape[0] = -1
        else:
            continue
        name = f"{node.output[0]}.shape"
        model.graph.initializer.append(numpy_helper.from_array(shape, name))
        node.input[1] = name


def _tokens(model: onnx.ModelProto, size: int, constants: dict[str, onnx.TensorProto]) -> None:
    """Repeat constants that stand beside values of a batch, joined along another axis, for every sample."""
    graph = model.graph
    taken, kept = names_of(graph), []
    for node in graph.node:
        fixed = [i for i, name in enumerate(node.input) if _is_token(constants.get(name), size)]
        others = [name for name in node.input if name not in constants]
        if node.op_type == "Concat" and attributes_of(node)["axis"] != 0 and fixed and others:
            build = NodeBuilder(node.name or node.output[0], taken)
            count = build.add("Gather", build.add("Shape", others[0]), build.constant([0]), axis=0)
            for i in fixed:
                rest = build.constant(list(constants[node.input[i]].dims[1:]))
                node.input[i] = build.add("Expand", node.input[i], build.add("Concat", count, rest, axis=0))
            kept += build.nodes
            graph.initializer.extend(build.constants)
        kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _is_token(tensor: onnx.TensorProto | None, size: int) -> bool:
    return tensor is not None and len(tensor.dims) > 1 and size == 1 and tensor.dims[0] == size
