"""Splits samples into batches, pads a batch of a fixed size, and concatenates the results of batches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from onnx2snn_runtime.program.inputs import varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import TORCH


@dataclass(frozen=True)
class Batch:
    """The inputs of one batch. The first `samples` are real samples, the rest is padding up to a fixed batch size."""

    inputs: dict[str, Tensor]
    samples: int


def count_samples(inputs: Mapping[str, Tensor], program: Program) -> int:
    """Return the number of samples: the common size of the batch axes; none at all raises InputError."""
    return program.axes.count(_still_shapes(inputs, program))


def are_stacked(inputs: Mapping[str, Tensor], program: Program) -> bool:
    """Return whether samples come along a new first axis, for a model that takes one sample a call."""
    return program.axes.stacked(_still_shapes(inputs, program))


def _still_shapes(inputs: Mapping[str, Tensor], program: Program) -> dict[str, torch.Size]:
    """Return the shapes of `inputs` without a time axis."""
    given = {port.name: (inputs[port.name], port) for port in program.inputs}
    return {name: value.shape[int(varies_in_time(value, port)) :] for name, (value, port) in given.items()}


def batches(inputs: Mapping[str, Tensor], program: Program, size: int) -> Iterator[Batch]:
    """Yield `inputs` in batches of at most `size` samples, or of the size that the graph is fixed to."""
    named = {port.name: inputs[port.name] for port in program.inputs}
    moving = [port.name for port in program.inputs if varies_in_time(named[port.name], port)]
    for part, count in program.axes.split(named, size, moving):
        yield Batch(program.axes.filled(part, count, TORCH, moving), count)
