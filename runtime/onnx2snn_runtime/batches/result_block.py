"""One preallocated buffer for the small results of many batches.

Allocated one by one between the large tensors of a batch, small results would fragment the heap: the C library could
not reuse the memory freed around them, and the memory of a run would grow with the number of batches.
"""

from collections.abc import Iterable

import torch

from onnx2snn_runtime.program.interpreter import Tensor

LINE = 64
"""Alignment of stored tensors in bytes, a cache line."""


class ResultBlock:
    """A buffer with capacity for `times` copies of `values`; with `times` of 1 nothing is copied."""

    def __init__(self, values: Iterable[Tensor], times: int) -> None:
        values = list(values) if times > 1 else []
        device = values[0].device if values else torch.device("cpu")
        self._buffer = torch.empty(times * sum(map(_size, values)), dtype=torch.uint8, device=device)
        self._offset = 0

    def store(self, value: Tensor) -> Tensor:
        """Return a copy of `value` in the buffer, or `value` itself if it does not fit or is on another device."""
        begin, size = self._offset, value.numel() * value.element_size()
        if not size or begin + size > len(self._buffer) or value.device != self._buffer.device:
            return value
        self._offset += _size(value)
        copy = self._buffer[begin : begin + size].view(value.dtype).reshape(value.shape)
        return copy.copy_(value)


def _size(value: Tensor) -> int:
    return -(-value.numel() * value.element_size() // LINE) * LINE
