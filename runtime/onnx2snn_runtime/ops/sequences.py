"""Sequences, as Python lists of tensors, and optional values, as a value or None."""

from typing import Any

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, Scalar, operator

OPERATORS: Declared = {
    "ConcatFromSequence SequenceConstruct SequenceEmpty SequenceLength": {},
    "Optional OptionalGetElement OptionalHasElement": {},
    "SequenceAt SequenceErase SequenceInsert SplitToSequence": {"shaped_by_data": True},
}


@operator("SequenceEmpty")
def sequence_empty(*, dtype: int = 1) -> list[Tensor]:
    """y = a sequence of no tensors."""
    return []


@operator("SequenceConstruct")
def sequence_construct(*items: Tensor) -> list[Tensor]:
    """y = the sequence of the operands."""
    return list(items)


@operator("SequenceAt")
def sequence_at(sequence: list[Tensor], position: Scalar) -> Tensor:
    """y = sequence[position]."""
    return sequence[int(position)]


@operator("SequenceLength")
def sequence_length(sequence: list[Tensor]) -> Tensor:
    """y = the number of tensors, on the host."""
    return torch.tensor(len(sequence))


@operator("SequenceInsert")
def sequence_insert(sequence: list[Tensor], item: Tensor, position: Scalar | None = None) -> list[Tensor]:
    """y = the sequence with `item` before `position`, at the end where there is none."""
    at = len(sequence) if position is None else int(position)
    return [*sequence[:at], item, *sequence[at:]]


@operator("SequenceErase")
def sequence_erase(sequence: list[Tensor], position: Scalar | None = None) -> list[Tensor]:
    """y = the sequence without the tensor at `position`, the last one where there is none."""
    at = len(sequence) - 1 if position is None else int(position) % len(sequence)
    return sequence[:at] + sequence[at + 1 :]


@operator("ConcatFromSequence")
def concat_from_sequence(sequence: list[Tensor], *, axis: int, new_axis: int = 0) -> Tensor:
    """y = the tensors joined along `axis`, which is new where `new_axis`."""
    return torch.stack(sequence, axis) if new_axis else torch.cat(sequence, axis)


@operator("SplitToSequence")
def split_to_sequence(x: Tensor, split: Tensor | None = None, *, axis: int = 0, keepdims: int = 1) -> list[Tensor]:
    """y = x cut along `axis` into pieces of size `split`, of sizes `split`, or of size 1."""
    if split is None:
        return list(x.split(1, axis)) if keepdims else list(x.unbind(axis))
    return list(x.split(int(split) if split.ndim == 0 else split.tolist(), axis))


@operator("Optional")
def optional(value: Any = None, *, type: Any = None) -> Any:
    """y = the value, or nothing."""
    return value


@operator("OptionalHasElement")
def optional_has_element(value: Any = None) -> Tensor:
    """y = whether there is a value, on the host."""
    return torch.tensor(value is not None)


@operator("OptionalGetElement")
def optional_get_element(value: Any) -> Any:
    """y = the value."""
    return value
