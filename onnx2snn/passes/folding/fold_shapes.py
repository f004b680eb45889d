"""Folds shape arithmetic, dimension by dimension: shapes may be known in part.

s = Shape(x: float[n, 8, 1]); d = Gather(s, -1); c = Equal(d, 1)   ->  initializer c = true

A dynamic dimension is a symbol: it is equal to itself, not negative, and otherwise unknown.
"""

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.passes.folding.shape_rules import LOGIC, RULES, Value, is_known

_SMALL = 64
"""Larger tensors are not folded: they are no shapes."""


def fold_shapes(model: onnx.ModelProto) -> int:
    """Turn values that depend on known dimensions only into initializers; return the number of folded nodes."""
    held = {tensor.name for tensor in model.graph.initializer}
    values = _constants(model)
    shapes = _shapes(model)
    folded: list[int] = []
    for index, node in enumerate(model.graph.node):
        if node.domain not in ("", "ai.onnx") or node.op_type not in RULES or not node.output:
            continue
        made = RULES[node.op_type](node, values, shapes)
        if made is None or made.size > _SMALL:
            continue
        values[node.output[0]] = made
        if is_known(made) and len(node.output) == 1 and not held.issuperset(node.input):
            folded.append(index)
    kinds = _kinds(model)
    for index in reversed(folded):
        node = model.graph.node[index]
        kind = np.bool_ if node.op_type in LOGIC else kinds.get(node.output[0], np.int64)
        array = np.array(values[node.output[0]].tolist(), kind).reshape(values[node.output[0]].shape)
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        del model.graph.node[index]
    return len(folded)


def _constants(model: onnx.ModelProto) -> dict[str, Value]:
    integers = (onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL)
    small = [t for t in model.graph.initializer if t.data_type in integers and np.prod(t.dims, dtype=int) <= _SMALL]
    return {tensor.name: numpy_helper.to_array(tensor).astype(object) for tensor in small}


def _shapes(model: onnx.ModelProto) -> dict[str, list[int | str]]:
    """Return the dimensions of every value of known rank: a number, or a symbol."""
    found: dict[str, list[int | str]] = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for value in (*model.graph.value_info, *model.graph.input):
        if value.type.tensor_type.HasField("shape"):
            dims = enumerate(value.type.tensor_type.shape.dim)
            found[value.name] = [
                d.dim_value if d.HasField("dim_value") else d.dim_param or f"{value.name}[{axis}]" for axis, d in dims
            ]
    return found


def _kinds(model: onnx.ModelProto) -> dict[str, Any]:
    ported = (*model.graph.value_info, *model.graph.output)
    kinds = {v.name: v.type.tensor_type.elem_type for v in ported if v.type.tensor_type.elem_type}
    return {name: onnx.helper.tensor_dtype_to_np_dtype(kind) for name, kind in kinds.items()}
