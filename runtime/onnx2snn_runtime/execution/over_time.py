"""Computes an operator for a whole chunk of time at once, without a time axis in its handler.

Values that vary are [T, ...]. Where the first axis of an operator is but a batch, time is folded into it (one large
convolution in place of T small ones); where values are only moved and joined the axes are shifted; elsewhere torch.vmap
maps the handler over time; what cannot be mapped is computed step by step.
"""

from collections.abc import Callable, Sequence
from inspect import signature
from itertools import zip_longest
from typing import Any

import torch

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.execution.shift_axes import shifted
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.kernels.chunks import extended
from onnx2snn_runtime.program.interpreter import Call, Tensor, compute

Way = Callable[[Sequence[Any]], Any]
"""Computes a call from its arguments, over time."""

REMEMBERED = 256
"""So many ways of one call are kept, one for each combination of shapes."""


def map_call(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> Any:
    """Return the outputs [T, ...] of `item`, whose arguments marked in `varying` are [n <= T, ...]: see `chunks`."""
    key = tuple(map(_signature, arguments))
    way = item.ways.get(key)
    if way is None:
        if len(item.ways) >= REMEMBERED:
            item.ways.clear()
        way = item.ways[key] = find_way(item, arguments, varying)
    return way(arguments)


def _signature(argument: Any) -> Any:
    """Return what the way of computing a call hangs on: a tensor's shape, or the value itself."""
    if isinstance(argument, Tensor):
        return argument.shape
    return tuple(map(_signature, argument)) if isinstance(argument, list) else argument


def find_way(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> Way:
    """Return how `item` is computed for arguments of these shapes; those marked in `varying` are [n, ...]."""
    rows = {len(a) for a, flag in zip(arguments, varying, strict=True) if flag}
    steps = max(rows)
    if len(rows) > 1:
        alike = [extended(a, steps) if flag else a for a, flag in zip(arguments, varying, strict=True)]
        way = find_way(item, alike, varying)
        return lambda given: way([extended(a, steps) if f else a for a, f in zip(given, varying, strict=True)])
    if steps == 1:
        return lambda given: _each(
            compute(item, [a[0] if flag else a for a, flag in zip(given, varying, strict=True)]), _stacked
        )
    if _broadcasts(item, arguments, varying):
        return lambda given: compute(item, given)
    if _folds(item, arguments, varying):
        return lambda given: _each(
            compute(item, [a.flatten(0, 1) if flag else a for a, flag in zip(given, varying, strict=True)]),
            lambda y: y.reshape(steps, -1, *y.shape[1:]),
        )
    return _shifted(item, arguments, varying) or _mapped_or_by_steps(item, varying, steps)


def _shifted(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> Way | None:
    moved = shifted(item, arguments, varying)
    if moved is None:
        return None
    given, attributes = moved
    fixed = [None if isinstance(a, Tensor) else a for a in given]  # a way outlives the values it was found for

    def function(*given: Any, **_: Any) -> Any:
        return item.operator.function(*given, **attributes)

    def way(given: Sequence[Any]) -> Any:
        merged = [a if isinstance(a, Tensor) else b for a, b in zip_longest(given, fixed)]  # a shift may add axes
        return compute(item, merged, function)

    return way


def _mapped_or_by_steps(item: Call, varying: Sequence[bool], steps: int) -> Way:
    mapped, failed = _mapped(item, varying), set[str]()

    def way(given: Sequence[Any]) -> Any:
        if not failed:
            try:
                return compute(item, given, mapped)
            except ModelError as error:
                failed.add(str(error))
        return _by_steps(item, given, varying, steps)

    return way


def _mapped(item: Call, varying: Sequence[bool]) -> Callable[..., Any]:
    """Return the handler of `item` mapped over the first axis of its varying arguments."""

    def function(*arguments: Any, **attributes: Any) -> Any:
        def over(*moving: Tensor) -> Any:
            queue = iter(moving)
            merged = [next(queue) if flag else a for a, flag in zip(arguments, varying, strict=True)]
            return item.operator.function(*merged, **attributes)

        return torch.vmap(over)(*[a for a, flag in zip(arguments, varying, strict=True) if flag])

    return function


def _by_steps(item: Call, arguments: Sequence[Any], varying: Sequence[bool], steps: int) -> Any:
    results = [
        compute(item, [a[t] if flag else a for a, flag in zip(arguments, varying, strict=True)]) for t in range(steps)
    ]
    if isinstance(results[0], tuple):
        return tuple(torch.stack(parts) for parts in zip(*results, strict=True))
    return torch.stack(results)


def _broadcasts(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> bool:
    """Return whether one more axis in front means nothing to `item`, whose axes count from the end."""
    ranks = {a.ndim - 1 for a, flag in zip(arguments, varying, strict=True) if flag}
    rank = min(ranks)
    if len(ranks) > 1 or any(isinstance(a, Tensor) and a.ndim > rank for a in _still(arguments, varying)):
        return False
    held = facts(item.op_type, item.operator.domain)
    if held.pointwise:
        return "axis" not in item.attributes  # broadcasting as before opset 7
    if held.along_axis:
        return bool(varying[0]) and not held.elementwise and _axis_of(item) < 0
    return _is(item, "MatMul") and rank > 1


def _axis_of(item: Call) -> int:
    """Return the axis that `item` acts along: its attribute, or the default of that opset, as its handler has it."""
    given = item.attributes.get("axis")
    return int(signature(item.operator.function).parameters["axis"].default if given is None else given)


def _is(item: Call, name: str) -> bool:
    return item.op_type == name and item.operator.domain == ""


def _still(arguments: Sequence[Any], varying: Sequence[bool]) -> list[Any]:
    return [a for a, flag in zip(arguments, varying, strict=True) if not flag]


def _folds(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> bool:
    """Return whether the first axis of a step's values is but a batch to `item`."""
    shapes = [tuple(a.shape[1:]) for a, flag in zip(arguments, varying, strict=True) if flag]
    if not all(shapes):
        return False
    others = [a for a in _still(arguments, varying) if isinstance(a, Tensor)]
    held, first_alone = facts(item.op_type, item.operator.domain), bool(varying[0]) and len(shapes) == 1
    if held.pointwise:
        same = len({len(s) for s in shapes}) == 1 and len({s[0] for s in shapes}) == 1
        return same and all(_spares_first_axis(o, len(shapes[0])) for o in others)
    if held.batched:
        return first_alone
    if held.along_axis:
        rank = len(shapes[0])
        return (
            first_alone
            and not held.elementwise
            and _axis_of(item) % rank > 0
            and all(_spares_first_axis(o, rank) for o in others)
        )
    rows_alone = _is(item, "Gemm") and first_alone and not item.attributes.get("transA", 0)
    return rows_alone and all(_spares_first_axis(o, 2) for o in others[1:])


def _spares_first_axis(constant: Tensor, rank: int) -> bool:
    """Return whether `constant` broadcasts along the first axis of values of `rank` dimensions."""
    return constant.ndim < rank or (constant.ndim == rank and constant.shape[0] == 1)


def _stacked(value: Any) -> Any:
    return value.unsqueeze(0)


def _each(result: Any, function: Callable[[Tensor], Tensor]) -> Any:
    return tuple(map(function, result)) if isinstance(result, tuple) else function(result)
