"""Multiply-adds of weighted operators, from the shapes of their operands; unknown dimensions count as one."""

import math
from collections.abc import Mapping, Sequence

import onnx

Shape = Sequence[int]


def multiply_adds(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int | None:
    """Return the multiply-adds of `node` for one sample, None for an operator that has none."""
    known = [shapes.get(name) for name in node.input]
    output = shapes.get(node.output[0]) if node.output else None
    if node.op_type not in _RULES or output is None or len(known) < 2 or known[0] is None or known[1] is None:
        return None
    return _RULES[node.op_type](node, known[0], known[1], output)


def _conv(node: onnx.NodeProto, x: Shape, w: Shape, y: Shape) -> int:
    return math.prod(y) * math.prod(w[1:])


def _conv_transpose(node: onnx.NodeProto, x: Shape, w: Shape, y: Shape) -> int:
    return math.prod(x) * math.prod(w[1:])


def _matmul(node: onnx.NodeProto, x: Shape, w: Shape, y: Shape) -> int:
    return math.prod(y) * (w[-2] if len(w) > 1 else x[-1] if x else 1)


def _gemm(node: onnx.NodeProto, x: Shape, w: Shape, y: Shape) -> int:
    """Take the length of the sum from the second factor: the first may be of unknown rank."""
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    return math.prod(y) * (w[1 if transposed else 0] if len(w) == 2 else 1)


_RULES = {"Conv": _conv, "ConvTranspose": _conv_transpose, "MatMul": _matmul, "Gemm": _gemm}


def shapes_of(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all values of `model`, 1 for every dimension that is not known."""
    found = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        if value.type.tensor_type.HasField("shape"):
            found[value.name] = tuple(d.dim_value or 1 for d in value.type.tensor_type.shape.dim)
    return found
