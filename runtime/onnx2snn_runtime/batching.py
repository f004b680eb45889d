"""Samples in batches: how many there are, how many run at a time, and how a fixed batch is filled up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.inputs import varies_in_time
from onnx2snn_runtime.interpreter import Tensor
from onnx2snn_runtime.program import Program


@dataclass(frozen=True)
class Batch:
    """Inputs of one batch, of which the first `samples` are real: the rest fills up a fixed batch."""

    inputs: dict[str, Tensor]
    samples: int


def count_samples(inputs: Mapping[str, Tensor], program: Program) -> int:
    """Return the number of samples: the common size of the batch axes; none at all raises InputError."""
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
        part = {}
        for port in program.inputs:
            tensor, axis = inputs[port.name], int(varies_in_time(inputs[port.name], port))
            if port.shape:
                tensor = tensor.narrow(axis, start, count)
                tensor = _filled(tensor, axis, fixed - count) if count < fixed else tensor
            part[port.name] = tensor
        yield Batch(part, count)


def _filled(tensor: Tensor, axis: int, missing: int) -> Tensor:
    return torch.cat([tensor, tensor.narrow(axis, 0, 1).repeat_interleave(missing, axis)], axis)


def cut(value: Tensor, samples: int) -> Tensor:
    """Return what belongs to the first `samples` samples."""
    return value[:samples] if value.ndim and value.shape[0] > samples else value


def join(parts: list[Tensor]) -> Tensor:
    """Return the results of several batches as one."""
    return torch.cat(parts) if len(parts) > 1 and parts[0].ndim else parts[0]
