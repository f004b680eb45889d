"""The operators of shape arithmetic, on values that may be known in part: see `fold_shapes`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from onnx2snn.passes.rewriting.node_builder import attributes_of

Value = np.ndarray
"""An array of objects: integers, booleans, symbols (str) for dynamic dimensions, and None for unknown elements."""


def is_known(value: Value) -> bool:
    """Return whether all of `value` is numbers and truth values."""
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
    return value.astype(np.int64) if value is not None and is_known(value) else None


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


LOGIC: dict[str, Rule] = {
    "Equal": _comparison(lambda a, b: a == b),
    "Greater": _comparison(lambda a, b: a > b),
    "GreaterOrEqual": _comparison(lambda a, b: a >= b),
    "Less": _comparison(lambda a, b: a < b),
    "LessOrEqual": _comparison(lambda a, b: a <= b),
    "And": _pairwise(_both),
    "Or": _pairwise(_either),
    "Not": _not,
}
RULES: dict[str, Rule] = {
    **LOGIC,
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
