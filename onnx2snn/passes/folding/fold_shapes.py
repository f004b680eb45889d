"""Computes what depends on the shapes that are known, axis by axis: a shape may be known in part.

s = Shape(x: float[n, 8, 1]); d = Gather(s, -1); c = Equal(d, 1)   ->  initializer c = true

A dimension that is not known is a symbol: equal to itself, not negative, and otherwise unknown.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.passes.rewriting.node_builder import attributes_of

_SMALL = 64
"""Tensors of more elements are no shapes."""

Value = np.ndarray
"""An array of objects: whole numbers, truth values, symbols (str), and None for what is not known at all."""


def fold_shapes(model: onnx.ModelProto) -> int:
    """Turn the values that hang on known dimensions alone into initializers; return how many nodes are gone."""
    held = {tensor.name for tensor in model.graph.initializer}
    values = _constants(model)
    shapes = _shapes(model)
    gone: list[int] = []
    for index, node in enumerate(model.graph.node):
        if node.domain not in ("", "ai.onnx") or node.op_type not in _RULES or not node.output:
            continue
        made = _RULES[node.op_type](node, values, shapes)
        if made is None or made.size > _SMALL:
            continue
        values[node.output[0]] = made
        if _is_known(made) and len(node.output) == 1 and not held.issuperset(node.input):
            gone.append(index)
    kinds = _kinds(model)
    for index in reversed(gone):
        node = model.graph.node[index]
        kind = np.bool_ if node.op_type in _LOGIC else kinds.get(node.output[0], np.int64)
        array = np.array(values[node.output[0]].tolist(), kind).reshape(values[node.output[0]].shape)
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
        del model.graph.node[index]
    return len(gone)


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


def _is_known(value: Value) -> bool:
    return all(isinstance(item, int | np.integer | np.bool_) for item in value.ravel())


Shapes = Mapping[str, Sequence[int | str]]
Values = Mapping[str, Value]
Rule = Callable[[onnx.NodeProto, Values, Shapes], Value | None]


def _shape(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    if node.input[0] in values:
        dims: list[int | str] = list(values[node.input[0]].shape)
    elif node.input[0] in shapes:
        dims = list(shapes[node.input[0]])
    else:
        return None
    a = attributes_of(node)
    return np.array(dims[a.get("start", 0) : a.get("end")], object)


def _size(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    dims = values[node.input[0]].shape if node.input[0] in values else shapes.get(node.input[0], ["?"])
    numbers = [d for d in dims if not isinstance(d, str)]
    return np.array(math.prod(numbers), object) if len(numbers) == len(dims) else None


def _known(name: str, values: Values) -> np.ndarray | None:
    """Return the value of `name` as whole numbers, None where it is not known."""
    value = values.get(name)
    return value.astype(np.int64) if value is not None and _is_known(value) else None


def _gather(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    data, index = values.get(node.input[0]), _known(node.input[1], values)
    if data is None or index is None or data.ndim != 1 or not data.size or (np.abs(index + 0.5) > data.size).any():
        return None
    return np.array(data[index], object)


def _slice(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    data, bounds = values.get(node.input[0]), [_known(name, values) for name in node.input[1:]]
    if data is None or data.ndim != 1 or len(bounds) < 2 or any(b is None or b.size != 1 for b in bounds):
        return None
    start, end, *rest = (int(b.reshape(-1)[0]) for b in bounds if b is not None)
    return (
        data[slice(start, end, rest[1])]
        if len(rest) > 1 and rest[1] > 0
        else data[start:end]
        if len(rest) < 2
        else None
    )


def _concat(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    parts = [values.get(name) for name in node.input]
    if any(part is None or part.ndim != 1 for part in parts):
        return None
    return np.concatenate([part for part in parts if part is not None])


def _unsqueeze(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    data = values.get(node.input[0])
    return data.reshape(1) if data is not None and data.ndim == 0 else None


def _squeeze(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    data = values.get(node.input[0])
    return data.reshape(()) if data is not None and data.shape == (1,) else None


def _same(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    to = attributes_of(node).get("to", onnx.TensorProto.INT64)
    whole = to in (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
    return values.get(node.input[0]) if whole else None


def _pairwise(function: Callable[[Any, Any], Any]) -> Rule:
    def rule(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
        operands = [values.get(name) for name in node.input]
        if len(operands) != 2 or operands[0] is None or operands[1] is None:
            return None
        return _mapped(function, *operands)

    return rule


def _mapped(function: Callable[..., Any], *operands: Any) -> Value | None:
    try:
        spread = np.broadcast_arrays(*operands)
    except ValueError:
        return None
    result = np.empty(spread[0].shape, object)
    for place in np.ndindex(result.shape):
        result[place] = function(*(x[place] for x in spread))
    return result


def _arithmetic(function: Callable[[int, int], int]) -> Rule:
    def one(a: Any, b: Any) -> Any:
        return function(int(a), int(b)) if _is_number(a) and _is_number(b) else None

    return _pairwise(one)


def _comparison(function: Callable[[Any, Any], bool]) -> Rule:
    """Compare numbers; a symbol is equal to itself, and above every negative number."""

    def one(a: Any, b: Any) -> Any:
        if _is_number(a) and _is_number(b):
            return bool(function(int(a), int(b)))
        if isinstance(a, str) and a == b:
            return bool(function(0, 0))
        if isinstance(a, str) and _is_number(b) and b < 0:
            return bool(function(0, int(b)))
        if isinstance(b, str) and _is_number(a) and a < 0:
            return bool(function(int(a), 0))
        return None

    return _pairwise(one)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | np.integer | np.bool_)


def _both(a: Any, b: Any) -> Any:
    return False if a is False or b is False else None if None in (a, b) else bool(a and b)


def _either(a: Any, b: Any) -> Any:
    return True if a is True or b is True else None if None in (a, b) else bool(a or b)


def _not(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    data = values.get(node.input[0])
    return None if data is None else _mapped(lambda a: None if a is None else not a, data)


def _where(node: onnx.NodeProto, values: Values, shapes: Shapes) -> Value | None:
    operands = [values.get(name) for name in node.input]
    if any(operand is None for operand in operands):
        return None
    return _mapped(lambda c, a, b: None if c is None else a if c else b, *operands)


def _divided(a: int, b: int) -> int:
    return int(np.trunc(a / b)) if b else 0  # division by zero is found where it is computed


_LOGIC: dict[str, Rule] = {
    "Equal": _comparison(lambda a, b: a == b),
    "Greater": _comparison(lambda a, b: a > b),
    "GreaterOrEqual": _comparison(lambda a, b: a >= b),
    "Less": _comparison(lambda a, b: a < b),
    "LessOrEqual": _comparison(lambda a, b: a <= b),
    "And": _pairwise(_both),
    "Or": _pairwise(_either),
    "Not": _not,
}
_RULES: dict[str, Rule] = {
    **_LOGIC,
    "Shape": _shape,
    "Size": _size,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Cast": _same,
    "Identity": _same,
    "Add": _arithmetic(lambda a, b: a + b),
    "Sub": _arithmetic(lambda a, b: a - b),
    "Mul": _arithmetic(lambda a, b: a * b),
    "Div": _arithmetic(_divided),
    "Where": _where,
}
