"""Samples of a batch: those that are no padding of a fixed size, and those that are chosen."""

from collections.abc import Sequence

import torch

from onnx2snn_runtime.ir.batch import Arrays, batch_axis
from onnx2snn_runtime.program.interpreter import Tensor

TORCH = Arrays(torch.cat, torch.stack, torch.equal)
"""What `BatchAxes` needs of torch."""


def chosen(rows: Sequence[int], device: torch.device) -> Tensor:
    """Return the indices `rows` of samples on `device`, without waiting until they are there."""
    return torch.tensor(list(rows), dtype=torch.int64).to(device, non_blocking=True)


def real_samples(value: Tensor, samples: int, size: int) -> Tensor:
    """Return the first `samples` of a batch of `size` in `value`; all of `value` if it has no batch axis."""
    axis = batch_axis([value.shape], [size]) if samples < size else None
    return value if axis is None else value.narrow(axis, 0, value.shape[axis] // size * samples)
