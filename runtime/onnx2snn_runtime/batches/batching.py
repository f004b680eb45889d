"""Splits samples into batches, pads a batch of a fixed size, and concatenates the results of batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.batch import batch_axis
from onnx2snn_runtime.program.inputs import varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program


@dataclass(frozen=True)
class Batch:
    """The inputs of one batch. The first `samples` are real samples, the rest is padding up to a fixed batch size."""

    inputs: dict[str, Tensor]
    samples: int


def count_samples(inputs: Mapping[str, Tensor], program: Program) -> int:
    """Return the number of samples, the common size of the batch axes; unequal sizes or no samples raise InputError."""
    sizes = {
        port.name: inputs[port.name].shape[int(varies_in_time(inputs[port.name], port))]
        for port in program.inputs
        if port.shape
    }
    if len(set(sizes.values())) > 1:
        raise InputError(f"the inputs differ in their number of samples: {sizes}")
    size = int(next(iter(sizes.values()), 1))
    if size == 0:
        raise InputError("there are no samples: the first axis of the input is empty")
    return size


def batches(inputs: Mapping[str, Tensor], program: Program, size: int) -> Iterator[Batch]:
    """Yield `inputs` in batches of at most `size` samples, or of the size that the graph is fixed to."""
    fixed = program.defaults.batch
    total = count_samples(inputs, program)
    limit = fixed or size
    if limit < 1:
        raise InputError(f"the batch size is {limit}: give 1 or more samples")
    for start in range(0, total, limit):
        count = min(limit, total - start)
        chosen = {}
        for port in program.inputs:
            tensor, axis = inputs[port.name], int(varies_in_time(inputs[port.name], port))
            if port.shape:
                tensor = tensor.narrow(axis, start, count) if count < total else tensor
                tensor = _padded(tensor, axis, fixed - count) if count < fixed else tensor
            chosen[port.name] = tensor
        yield Batch(chosen, count)


def _padded(tensor: Tensor, axis: int, missing: int) -> Tensor:
    return torch.cat([tensor, tensor.narrow(axis, 0, 1).repeat_interleave(missing, axis)], axis)


def join(
    parts: Sequence[Tensor], samples: Sequence[int], fixed: int, name: str, declared: Sequence[int] | None = None
) -> Tensor:
    """Return the results `parts` of several batches as one tensor, without the padding of a batch of `fixed` size.

    A result that differs between batches and has no batch axis raises InputError.
    """
    sizes = [fixed or count for count in samples]
    if len(parts) == 1 and samples[0] == sizes[0]:
        return parts[0]
    axis = batch_axis([part.shape for part in parts], sizes, declared)
    if axis is not None:
        ratio = parts[0].shape[axis] // sizes[0]
        return torch.cat([part.narrow(axis, 0, ratio * n) for part, n in zip(parts, samples, strict=True)], axis)
    if all(torch.equal(part, parts[0]) for part in parts):
        return parts[0]
    total = sum(samples)
    raise InputError(f"{name!r} has no batch axis: run all samples at once (batch_size={total}), or one at a time")
