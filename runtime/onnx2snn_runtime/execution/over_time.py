"""Maps an operator over a chunk of time steps, although its handler has no time axis.

Time-varying values are [T, ...]. The strategies, in order of preference: broadcast, for operators whose axes count from
the end; fold time into the batch axis (one large convolution in place of T small ones); shift the axes of structural
operators by one; torch.vmap over time; step by step.
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

Strategy = Callable[[Sequence[Any]], Any]
"""A function that computes a call over time from its arguments."""

MAX_STRATEGIES = 256
"""The strategies that are cached for one call, one for each combination of shapes."""


def map_call(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> Any:
    """Return the outputs [T, ...] of `item`; the arguments marked in `varying` are [n <= T, ...]: see `chunks`."""
    key = tuple(map(_signature, arguments))
    strategy = item.strategies.get(key)
    if strategy is None:
        if len(item.strategies) >= MAX_STRATEGIES:
            item.strategies.clear()
        strategy = item.strategies[key] = find_strategy(item, arguments, varying)
    return strategy(arguments)


def _signature(argument: Any) -> Any:
    """Return what the strategy depends on: the shape of a tensor, or the value of anything else."""
    if isinstance(argument, Tensor):
        return argument.shape
    return tuple(map(_signature, argument)) if isinstance(argument, list) else argument


def find_strategy(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> Strategy:
    """Return the strategy to compute `item` for arguments of these shapes; those marked in `varying` are [n, ...]."""
    rows = {len(a) for a, flag in zip(arguments, varying, strict=True) if flag}
    steps = max(rows)
    if len(rows) > 1:
        alike = [extended(a, steps) if flag else a for a, flag in zip(arguments, varying, strict=True)]
        strategy = find_strategy(item, alike, varying)
        return lambda given: strategy([extended(a, steps) if f else a for a, f in zip(given, varying, strict=True)])
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


def _shifted(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> Strategy | None:
    moved = shifted(item, arguments, varying)
    if moved is None:
        return None
    given, attributes = moved
    fixed = [None if isinstance(a, Tensor) else a for a in given]  # do not keep tensors alive in a cached strategy

    def function(*given: Any, **_: Any) -> Any:
        return item.operator.function(*given, **attributes)

    def strategy(given: Sequence[Any]) -> Any:
        merged = [a if isinstance(a, Tensor) else b for a, b in zip_longest(given, fixed)]  # a shift may add axes
        return compute(item, merged, function)

    return strategy


def _mapped_or_by_steps(item: Call, varying: Sequence[bool], steps: int) -> Strategy:
    mapped, failed = _mapped(item, varying), set[str]()

    def strategy(given: Sequence[Any]) -> Any:
        if not failed:
            try:
                return compute(item, given, mapped)
            except ModelError as error:
                failed.add(str(error))
        return _by_steps(item, given, varying, steps)

    return strategy


def _mapped(item: Call, varying: Sequence[bool]) -> Callable[..., Any]:
    """Return the handler of `item` mapped over the first axis of its varying arguments."""

    def function(*arguments: Any, **attributes: Any) -> Any:
        def over(*values: Tensor) -> Any:
            queue = iter(values)
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
    """Return whether `item` gives the same with an additional leading axis, because its axes count from the end."""
    ranks = {a.ndim - 1 for a, flag in zip(arguments, varying, strict=True) if flag}
    rank = min(ranks)
    if len(ranks) > 1 or any(isinstance(a, Tensor) and a.ndim > rank for a in _constant_arguments(arguments, varying)):
        return False
    known = facts(item.op_type, item.operator.domain)
    if known.pointwise:
        return "axis" not in item.attributes  # broadcasting as before opset 7
    if known.along_axis:
        return bool(varying[0]) and not known.elementwise and _axis_of(item) < 0
    return _is(item, "MatMul") and rank > 1


def _axis_of(item: Call) -> int:
    """Return the axis that `item` acts along: its attribute, or the default of that opset, as its handler has it."""
    given = item.attributes.get("axis")
    return int(signature(item.operator.function).parameters["axis"].default if given is None else given)


def _is(item: Call, name: str) -> bool:
    return item.op_type == name and item.operator.domain == ""


def _constant_arguments(arguments: Sequence[Any], varying: Sequence[bool]) -> list[Any]:
    return [a for a, flag in zip(arguments, varying, strict=True) if not flag]


def _folds(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> bool:
    """Return whether `item` treats the first axis of a step's values as a batch axis, into which time can be folded."""
    shapes = [tuple(a.shape[1:]) for a, flag in zip(arguments, varying, strict=True) if flag]
    if not all(shapes):
        return False
    if _is(item, "Concat") or _is(item, "Pad"):
        return _keeps_samples(item, arguments, varying)
    others = [a for a in _constant_arguments(arguments, varying) if isinstance(a, Tensor)]
    known, first_alone = facts(item.op_type, item.operator.domain), bool(varying[0]) and len(shapes) == 1
    if known.pointwise:
        same = len({len(s) for s in shapes}) == 1 and len({s[0] for s in shapes}) == 1
        return same and all(_broadcasts_along_first(o, len(shapes[0])) for o in others)
    if known.batched:
        return first_alone
    if _is(item, "Flatten"):
        return first_alone and _axis_of(item) % len(shapes[0]) > 0
    if known.along_axis:
        rank = len(shapes[0])
        return (
            first_alone
            and not known.elementwise
            and _axis_of(item) % rank > 0
            and all(_broadcasts_along_first(o, rank) for o in others)
        )
    rows_alone = _is(item, "Gemm") and first_alone and not item.attributes.get("transA", 0)
    return rows_alone and all(_broadcasts_along_first(o, 2) for o in others[1:])


def _keeps_samples(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> bool:
    """Return whether a Concat or a Pad does nothing along the first axis: folded, torch keeps channels last."""
    rank = arguments[0].ndim - 1
    if item.op_type == "Concat":
        return all(varying) and _axis_of(item) % rank > 0 and len({a.shape[1] for a in arguments}) == 1
    if not varying[0] or any(varying[1:]) or "pads" in item.attributes or len(arguments) < 2:
        return False
    axes = arguments[3] if len(arguments) > 3 and arguments[3] is not None else range(rank)
    count = len(axes)
    return not any(arguments[1][i] or arguments[1][count + i] for i, axis in enumerate(axes) if axis % rank == 0)


def _broadcasts_along_first(constant: Tensor, rank: int) -> bool:
    """Return whether `constant` broadcasts along the first axis of values of `rank` dimensions."""
    return constant.ndim < rank or (constant.ndim == rank and constant.shape[0] == 1)


def _stacked(value: Any) -> Any:
    return value.unsqueeze(0)


def _each(result: Any, function: Callable[[Tensor], Tensor]) -> Any:
    return tuple(map(function, result)) if isinstance(result, tuple) else function(result)
