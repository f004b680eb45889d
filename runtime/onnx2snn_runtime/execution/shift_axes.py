"""Computes structural operators with a leading time axis, by shifting their axes by one.

Transpose(x, perm=[0, 2, 1])  over time  ->  Transpose(x[T, ...], perm=[0, 1, 3, 2])
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.program.interpreter import Call, Tensor

Arguments = list[Any]
Attributes = dict[str, Any]
Shift = Callable[[Arguments, Attributes, int], None]
"""Changes the arguments and attributes of a call in place, given the rank of a step's values."""


def shifted(item: Call, arguments: Sequence[Any], varying: Sequence[bool]) -> tuple[Arguments, Attributes] | None:
    """Return the arguments and attributes of `item` for values [T, ...], None if its axes cannot be shifted.

    Its data inputs must all be time-varying and of one rank; the other inputs must be lists of integers, or indices.
    """
    reduces = facts(item.op_type, item.operator.domain).reduces
    shift = _REDUCTION if reduces else _SHIFTS.get(item.op_type) if item.operator.domain == "" else None
    if item.attributes.get("noop_with_empty_axes", 0):
        return None  # over no axes at all it means two things
    if item.op_type in ("Resize", "Upsample") and not _scales_alone(item, arguments):
        return None
    if shift is None or not varying[0] or len({a.ndim for a, flag in zip(arguments, varying, strict=True) if flag}) > 1:
        return None
    data = arguments if item.op_type == "Concat" else arguments[:1]
    if not all(varying[: len(data)]) or any(varying[len(data) :]):
        return None
    given, attributes = list(arguments), dict(item.attributes)
    shift(given, attributes, arguments[0].ndim - 1)
    return given, attributes


def _plus(axis: int, rank: int) -> int:
    return axis % rank + 1 if rank else 1


def _axis(default: int) -> Shift:
    def shift(arguments: Arguments, attributes: Attributes, rank: int) -> None:
        attributes["axis"] = _plus(attributes.get("axis", default), rank)

    return shift


def _axes(place: int, added: bool = False) -> Shift:
    """Shift axes that are an input at `place` or an attribute; `added` says that they count in the output's rank."""

    def shift(arguments: Arguments, attributes: Attributes, rank: int) -> None:
        _replace(arguments, attributes, place, lambda axes: axes or range(rank), rank, added)

    return shift


def _replace(
    arguments: Arguments,
    attributes: Attributes,
    place: int,
    fill: Callable[[Sequence[int] | None], Sequence[int]],
    rank: int,
    added: bool = False,
) -> None:
    given = arguments[place] if len(arguments) > place else attributes.get("axes")
    axes = fill(given)
    shifted_axes = [_plus(axis, rank + (len(axes) if added else 0)) for axis in axes]
    if len(arguments) > place:
        arguments[place] = shifted_axes
    else:
        attributes["axes"] = shifted_axes


def _transpose(arguments: Arguments, attributes: Attributes, rank: int) -> None:
    perm = attributes.get("perm") or list(range(rank))[::-1]
    attributes["perm"] = [0, *(axis + 1 for axis in perm)]


def _reshape(arguments: Arguments, attributes: Attributes, rank: int) -> None:
    shape, x = list(arguments[1]), arguments[0]
    if not attributes.get("allowzero", 0):
        shape = [x.shape[i + 1] if size == 0 else size for i, size in enumerate(shape)]
    arguments[1] = [x.shape[0], *shape]


def _slice(arguments: Arguments, attributes: Attributes, rank: int) -> None:
    axes = arguments[3] if len(arguments) > 3 else None
    if len(arguments) > 1:
        shifted_axes = [_plus(axis, rank) for axis in (range(len(arguments[1])) if axes is None else axes)]
        arguments[3:4] = [shifted_axes]
        return
    axes = attributes.get("axes", range(len(attributes["starts"])))
    attributes["axes"] = [_plus(axis, rank) for axis in axes]


def _squeeze(arguments: Arguments, attributes: Attributes, rank: int) -> None:
    x: Tensor = arguments[0]
    ones = [axis for axis in range(rank) if x.shape[axis + 1] == 1]
    _replace(arguments, attributes, 1, lambda axes: ones if axes is None else axes, rank)


def _scales_alone(item: Call, arguments: Sequence[Any]) -> bool:
    """Return whether a Resize goes along each axis by its own scale or size, and reads from all of it."""
    crops = item.attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    stretches = item.attributes.get("keep_aspect_ratio_policy", "stretch") == "stretch"
    return len(arguments) > 1 and stretches and not crops


def _resize(arguments: Arguments, attributes: Attributes, rank: int) -> None:
    if attributes.get("axes") is not None:
        attributes["axes"] = [_plus(axis, rank) for axis in attributes["axes"]]
        return
    steps = len(arguments[0])
    first = 1 if len(arguments) == 2 else 2  # before opset 11 there is no region of interest
    for place, same in ((first, 1.0), (first + 1, steps)):
        if len(arguments) > place and arguments[place]:
            arguments[place] = [same, *arguments[place]]


_SHIFTS: Mapping[str, Shift] = {
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Slice": _slice,
    "Concat": _axis(1),
    "Split": _axis(0),
    "Gather": _axis(0),
    "Unsqueeze": _axes(1, added=True),
    "Squeeze": _squeeze,
    "Resize": _resize,
    "Upsample": _resize,
}

_REDUCTION = _axes(1)
