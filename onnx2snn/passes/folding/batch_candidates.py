"""Candidates for the batch axes of the inputs: assignments of one axis or none to every input, likely ones first.

Names of dimensions, their places and sizes, and the shapes of the calibration data decide the order; what runs, and
gives every sample what it gets alone, decides which one is taken: see `batch_trials`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

_WIDTH = 48
"""So many assignments are followed at a time."""
_BATCH = re.compile(r"^(n|b|bs|bsz|.*batch.*|unk__\d+)$", re.IGNORECASE)
_OTHER = re.compile(r"^(t|l|s|h|w|.*(time|seq|len|frame|step|token|word|node|edge|point|height|width|past).*)$", re.I)


@dataclass(frozen=True)
class Dimension:
    """An axis of an input: its size (0: free) and its symbol ("": none)."""

    size: int
    symbol: str


@dataclass(frozen=True)
class Candidate:
    """An axis, or None, for every input; `cost` says how unlikely, `size` what the chosen axes are fixed to (0: free).

    `freed` names the inputs whose chosen axis is of that size.
    """

    axes: Mapping[str, int | None]
    cost: float = 0.0
    size: int = 0
    freed: tuple[str, ...] = ()


def real_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs of `model` that are no initializers."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def dimensions(value: onnx.ValueInfoProto) -> list[Dimension] | None:
    """Return the dimensions of `value`, None where not even their number is known."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return [Dimension(max(0, d.dim_value), d.dim_param) for d in tensor.shape.dim]


def candidates(
    model: onnx.ModelProto, asked: Mapping[str, int | None], data: Mapping[str, np.ndarray]
) -> list[Candidate]:
    """Return the assignments for `model`, likely ones first; what is `asked` for is in all of them."""
    inputs = {value.name: dimensions(value) for value in real_inputs(model)}
    free = any(_may_be_free(dims) for dims in inputs.values())
    beam: list[Candidate] = [Candidate({})]
    for name, dims in inputs.items():
        options = [(asked[name], 0.0)] if name in asked else _options(dims, data.get(name), free)
        grown = [_with(c, name, axis, cost, inputs, data) for c in beam for axis, cost in options]
        beam = sorted((c for c in grown if c is not None), key=lambda c: c.cost)[:_WIDTH]
    return beam


def _options(dims: list[Dimension] | None, data: np.ndarray | None, free: bool) -> list[tuple[int | None, float]]:
    """Return the axes that may count samples, and how unlikely each is; `free`: some input may have a free batch."""
    if dims is None:
        return [(0, 0.0), (None, 3.0)]
    if not dims:
        return [(None, 0.0)]
    if data is not None and data.ndim == len(dims) + 1 and list(data.shape[1:]) == [d.size for d in dims]:
        return [(None, 0.0)]  # the data are samples of the whole input
    if data is not None and data.ndim == len(dims):
        other = [i for i, (d, n) in enumerate(zip(dims, data.shape, strict=True)) if d.size not in (0, n)]
        if len(other) == 1 and (dims[other[0]].size == 1 or not other[0]):
            return [(other[0], 0.0)]  # the data are of another number of samples than the graph
    options: list[tuple[int | None, float]] = []
    for axis, d in enumerate(dims):
        if not d.size:
            named = -0.5 if _BATCH.match(d.symbol) else 2.0 if _OTHER.match(d.symbol) else 0.0
            options.append((axis, (0.5 if not axis else 1.0 + axis / 10) + named))
        elif d.size == 1:
            options.append((axis, (2.0 if free or len(dims) == 1 else 0.5) + (1.0 + axis / 10 if axis else 0.0)))
        elif not axis and len(dims) > 1:
            options.append((axis, 4.0))
    own = any(d.size == 0 for d in dims)
    if all(d.size > 1 for d in dims):
        none = 0.0
    elif own and dims[0].size != 1:
        none = 3.0
    else:
        none = 1.0 if free or len(dims) == 1 else 2.5
    return [*options, (None, none)]


def _with(
    before: Candidate,
    name: str,
    axis: int | None,
    cost: float,
    inputs: Mapping[str, list[Dimension] | None],
    data: Mapping[str, np.ndarray],
) -> Candidate | None:
    """Return the assignment `before` with `axis` for the input `name`; None where fixed sizes differ."""
    dims = inputs[name]
    size = dims[axis].size if dims and axis is not None and axis < len(dims) else 0
    if size and before.size and size != before.size:
        return None
    total = before.cost + cost
    chosen = _symbol(dims, axis)
    for other, place in before.axes.items():
        theirs = _symbol(inputs[other], place)
        if chosen and theirs and chosen != theirs:  # batches of their own, such as images and texts
            total += 4.0 if _BATCH.match(chosen) and _BATCH.match(theirs) else 0.6
        for symbol, mine, where in ((chosen, theirs, inputs[other]), (theirs, chosen, dims)):
            if symbol and symbol != mine and symbol in [d.symbol for d in where or ()]:
                total += 1.5  # the same symbol stands elsewhere in the other
        counts = _count(data.get(name), axis), _count(data.get(other), place)
        total += 6.0 if None not in counts and counts[0] != counts[1] else 0.0
    if axis is None and _names_others(dims, [_symbol(inputs[other], place) for other, place in before.axes.items()]):
        total -= 2.5  # all of its axes have other names than that of the samples
    freed = (*before.freed, name) if size else before.freed
    return Candidate({**before.axes, name: axis}, total, size or before.size, freed)


def _may_be_free(dims: Sequence[Dimension] | None) -> bool:
    """Return whether an input looks as if its batch were free: its first axis is, or one of such a name."""
    return bool(dims) and any(not d.size and (not i or _BATCH.match(d.symbol)) for i, d in enumerate(dims or ()))


def likely_batch(model: onnx.ModelProto, candidate: Candidate) -> bool:
    """Return whether the free axes of `candidate` are in front, under no other name, or have the name of a batch."""
    inputs = {value.name: dimensions(value) or [] for value in real_inputs(model)}
    chosen = [(inputs[name][axis], axis) for name, axis in candidate.axes.items() if inputs[name] and axis is not None]
    return all(d.size or _BATCH.match(d.symbol) or (not axis and not _OTHER.match(d.symbol)) for d, axis in chosen)


def leaves_out(model: onnx.ModelProto, candidate: Candidate) -> bool:
    """Return whether `candidate` has no axis for an input of free size, which can hold no less than a sample."""
    inputs = {value.name: dimensions(value) or [] for value in real_inputs(model)}
    left = [dims for name, dims in inputs.items() if candidate.axes[name] is None and dims]
    return any(dims[0].size != 1 and any(not d.size for d in dims) for dims in left)


def _names_others(dims: Sequence[Dimension] | None, chosen: Sequence[str]) -> bool:
    """Return whether the free axes of an input have names, none of which is the name of a batch that is `chosen`."""
    own = [d.symbol for d in dims or () if not d.size]
    batches = [symbol for symbol in chosen if _BATCH.match(symbol)]
    return bool(own and batches) and all(own) and not set(own).intersection(batches)


def _symbol(dims: Sequence[Dimension] | None, axis: int | None) -> str:
    return dims[axis].symbol if dims and axis is not None and axis < len(dims) else ""


def _count(data: np.ndarray | None, axis: int | None) -> int | None:
    return data.shape[axis] if data is not None and axis is not None and axis < data.ndim else None
