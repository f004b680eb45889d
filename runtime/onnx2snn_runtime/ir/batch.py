"""The batch axes of the inputs and outputs of a network, and the operations on them.

The converter finds the axes and writes them into the file. Whatever counts, splits, fills up or joins samples, in numpy
or in torch, asks `BatchAxes`; nothing else looks at shapes for it.

    x: [N, ...]                axis 0            state: [layers, N, hidden]     axis 1
    rate: [], ids: [1, s]      None: one for all samples
    boxes: [k, 4]              DATA: its length depends on what is in the sample
    chosen: [k, 3]             ROWS: so too, and every row begins with the number of its sample (NonMaxSuppression)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx

from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.ir.recurrence import neurons_of
from onnx2snn_runtime.ir.schema import ModelDefaults, read_defaults

DATA = "data"
ROWS = "rows"
LARGEST_BATCH = 1 << 32
"""Bytes that a batch is filled up by at most."""

Axis = int | str | None
Shapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Arrays:
    """What is needed of an array library: `cat(arrays, axis)`, `stack(arrays)` and `equal(a, b)`."""

    cat: Callable[..., Any]
    stack: Callable[..., Any]
    equal: Callable[..., bool]


@dataclass(frozen=True)
class BatchAxes:
    """The axis of every input and output that counts the samples, None where it has none.

    `size` is the batch that the graph is fixed to, 0 for any. In a network that is `joint` the samples act on each
    other: they are never split, and inputs may differ in their number. A network none of whose inputs has an axis
    takes one sample a call: of it, samples are given along a new first axis. `ranks` are those of the inputs,
    `declared` the dimensions of the outputs (0: any), as far as they are known. What `inputs` lacks has its samples in
    front; of what `outputs` lacks the shapes decide (files of before the axes were recorded; values inside).
    """

    inputs: Mapping[str, int | None] = field(default_factory=dict)
    outputs: Mapping[str, Axis] = field(default_factory=dict)
    joint: bool = False
    size: int = 0
    ranks: Mapping[str, int] = field(default_factory=dict)
    declared: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def single(self) -> bool:
        """Whether the network has no sample axis at all: a call takes one sample."""
        return bool(self.inputs) and all(axis is None for axis in self.inputs.values())

    def along(self, name: str, rank: int) -> int | None:
        """Return the axis that counts the samples in data of `rank` axes for the input `name`, None for no axis."""
        if self.single:
            return 0 if rank > self.ranks.get(name, rank) else None
        return self.inputs.get(name, 0) if rank else None

    def stacked(self, shapes: Shapes) -> bool:
        """Return whether data of these `shapes` hold samples along a new first axis."""
        return self.single and any(self.along(name, len(shape)) is not None for name, shape in shapes.items())

    def count(self, shapes: Shapes) -> int:
        """Return how many samples data of these `shapes` hold; different numbers, or none, raise InputError."""
        along = {name: self.along(name, len(shape)) for name, shape in shapes.items()}
        sizes = {name: int(shapes[name][axis]) for name, axis in along.items() if axis is not None}
        if not all(sizes.values()):
            empty = next(name for name, size in sizes.items() if not size)
            place = "batch axis" if along[empty] else "first axis"
            raise InputError(f"there are no samples: the {place} of the input {empty!r} is empty")
        if len(set(sizes.values())) > 1 and not self.joint:
            raise InputError(f"the inputs differ in their number of samples: {sizes}")
        return next(iter(sizes.values()), 1)

    def most(self, size: int, samples: int) -> int:
        """Return how many of `samples` run at a time where `size` were asked for."""
        if self.joint:
            return samples
        return 1 if self.single else self.size or size

    def split(
        self, inputs: Mapping[str, Any], size: int, moving: Sequence[str] = ()
    ) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield `inputs` in batches of at most `size` samples, or of what the network insists on, and their number.

        Inputs named in `moving` have a time axis in front of all others. What all samples share goes into every batch.
        """
        lead = {name: int(name in moving) for name in inputs}
        total = self.count({name: value.shape[lead[name] :] for name, value in inputs.items()})
        limit = self.most(size, total)
        if limit < 1:
            raise InputError(f"the batch size is {limit}: give 1 or more samples")
        for start in range(0, total, limit):
            count = min(limit, total - start)
            yield {name: self._part(name, value, lead[name], start, count) for name, value in inputs.items()}, count

    def _part(self, name: str, value: Any, lead: int, start: int, count: int) -> Any:
        axis = self.along(name, len(value.shape) - lead)
        if axis is None or self.joint:
            return value
        if self.single:
            return value[(slice(None),) * lead + (start,)]
        return value[(slice(None),) * (lead + axis) + (slice(start, start + count),)]

    def filled(self, inputs: Mapping[str, Any], samples: int, arrays: Arrays, moving: Sequence[str] = ()) -> dict:
        """Return a batch of `samples` filled up with copies of the first to the size that the graph is fixed to."""
        missing = 0 if self.single or self.joint else self.size - samples
        if missing <= 0:
            return dict(inputs)
        full = {}
        for name, value in inputs.items():
            lead = int(name in moving)
            axis = self.along(name, len(value.shape) - lead)
            if axis is not None:
                one = value[(slice(None),) * (lead + axis) + (slice(0, 1),)]
                if missing * one.nbytes > LARGEST_BATCH:
                    raise InputError(
                        f"the input {name!r} is fixed to {self.size} samples a call, which do not fit in memory: "
                        "export the model with a free batch axis"
                    )
                value = arrays.cat([value, *[one] * missing], lead + axis)
            full[name] = value
        return full

    def join(
        self, name: str, parts: Sequence[Any], counts: Sequence[int], arrays: Arrays, *, stacked: bool = False
    ) -> Any:
        """Return the results of several batches of `counts` samples for the output `name` as one.

        Where a call takes one sample, and several ran, what has no axis comes along a new first one; what is as long
        as the data say is a list, an entry a sample. A result that differs and has no axis raises InputError.
        """
        axis = self.outputs.get(name, "unknown")
        sizes = [self.size or count for count in counts]
        if len(parts) == 1 and counts[0] == sizes[0] and not (self.single and stacked):
            return parts[0]
        if axis == "unknown":
            axis = batch_axis([part.shape for part in parts], sizes, self._never(name, parts[0].shape))
        if self.single or (self.size == 1 and not isinstance(axis, int)):
            alike = all(part.shape == parts[0].shape for part in parts)
            return arrays.stack(parts) if alike and axis not in (DATA, ROWS) else list(parts)
        if axis == ROWS:
            return _rows(parts, counts, arrays)
        if isinstance(axis, int):
            rank = max(len(part.shape) for part in parts)  # a lone sample can have lost its axis (Squeeze)
            kept = [_kept(p, axis, n, size, rank) for p, n, size in zip(parts, counts, sizes, strict=True)]
            return arrays.cat(kept, axis)
        if all(arrays.equal(part, parts[0]) for part in parts):
            return parts[0]
        total = sum(counts)
        raise InputError(f"{name!r} has no batch axis: run all samples at once (batch_size={total}), or one at a time")

    def _never(self, name: str, shape: Sequence[int]) -> list[int] | None:
        """Return the declared dimensions, in which no fixed axis can hold a free batch; None where they are wrong."""
        declared = self.declared.get(name)
        if declared is None or len(declared) != len(shape):
            return None
        if self.size:
            return list(declared)
        right = all(d in (0, n) for d, n in zip(declared, shape, strict=True))
        return [-1 if d else 0 for d in declared] if right else None

    def recorded(self) -> dict[str, Any]:
        """Return what a file keeps of this, as settings of `ModelDefaults`."""
        return {"batch_axes": {**self.outputs, **self.inputs}, "joint": self.joint, "batch": self.size}

    def described(self, name: str) -> str:
        """Return in words where the samples of the input or output `name` are."""
        axis = self.inputs[name] if name in self.inputs else self.outputs.get(name, "unknown")
        if axis == "unknown":
            return "samples where the shapes say"
        if axis == DATA:
            return "as long as the data say"
        if axis == ROWS:
            return "rows that begin with the number of their sample"
        if axis is not None:
            return f"samples along axis {axis}"
        if name not in self.inputs:
            return "of all samples at once" if self.joint else "without a batch axis"
        return "one sample a call" if self.single else "one for all samples"


def _rows(parts: Sequence[Any], counts: Sequence[int], arrays: Arrays) -> Any:
    """Return rows that begin with the number of their sample, counted on over the batches; without those that fill."""
    numbered, before = [], 0
    for part, count in zip(parts, counts, strict=True):
        own = part[part[:, 0] < count]
        numbered.append(arrays.cat([own[:, :1] + before, own[:, 1:]], 1))
        before += count
    return arrays.cat(numbered, 0)


def _kept(part: Any, axis: int, count: int, size: int, rank: int) -> Any:
    """Return what belongs to the first `count` samples of a batch of `size`."""
    if size == 1 and len(part.shape) == rank - 1:
        part = part[(slice(None),) * axis + (None,)]
    ratio = part.shape[axis] // size
    return part if count == size else part[(slice(None),) * axis + (slice(0, ratio * count),)]


def axes_of(model: onnx.ModelProto, defaults: ModelDefaults | None = None) -> BatchAxes:
    """Return the axes that the IR `model` records; of any other model samples are taken to be in front."""
    weights = {tensor.name for tensor in model.graph.initializer}
    shapes = {value.name: _dims(value) for value in model.graph.input if value.name not in weights}
    if defaults is None:
        defaults = read_defaults(model) if any(True for _ in neurons_of(model.graph)) else ModelDefaults()
    held = defaults.batch_axes
    inputs: dict[str, int | None] = {}
    for name, shape in shapes.items():
        axis = held.get(name, None if shape == () else 0)
        if isinstance(axis, str) or (isinstance(axis, int) and shape is not None and not 0 <= axis < len(shape)):
            raise ModelError(f"the batch axis {axis!r} of {name!r} is none of its axes: convert the model again")
        inputs[name] = axis
    return BatchAxes(
        inputs,
        {value.name: held[value.name] for value in model.graph.output if value.name in held},
        defaults.joint,
        defaults.batch,
        {name: len(shape) for name, shape in shapes.items() if shape is not None},
        {value.name: shape for value in model.graph.output if (shape := _dims(value)) is not None},
    )


def _dims(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    tensor = value.type.tensor_type
    return tuple(max(0, d.dim_value) for d in tensor.shape.dim) if tensor.HasField("shape") else None


def batch_axis(
    shapes: Sequence[Sequence[int]], sizes: Sequence[int], declared: Sequence[int] | None = None
) -> int | None:
    """Return the batch axis of results with the given `shapes` for batches of `sizes` samples, None if there is none.

    An axis of exactly that size is preferred to one of a multiple (samples times heads), and the first one to later
    ones; an axis `declared` with another fixed size is excluded.
    """
    found = None
    for axis in range(len(shapes[0])):
        if declared is not None and len(declared) == len(shapes[0]) and declared[axis] not in (0, sizes[0]):
            continue
        ratios = {shape[axis] / size for shape, size in zip(shapes, sizes, strict=True)}
        if ratios == {1.0}:
            return axis
        if found is None and len(ratios) == 1 and (ratio := ratios.pop()) >= 1 and ratio.is_integer():
            found = axis
    return found
