"""One block of memory for the small results of many batches.

Left where they were made, among the large values of a batch, they would lie between what is freed after it, and the C
library could not use that again: what a run holds would grow with the number of batches.
"""

from collections.abc import Iterable

import torch

from onnx2snn_runtime.program.interpreter import Tensor

LINE = 64
"""Bytes that a value is aligned to."""


class Shelf:
    """Room for `times` as much as `values` take; without `times` above 1 nothing is moved."""

    def __init__(self, values: Iterable[Tensor], times: int) -> None:
        values = list(values) if times > 1 else []
        device = values[0].device if values else torch.device("cpu")
        self._room = torch.empty(times * sum(map(_size, values)), dtype=torch.uint8, device=device)
        self._next = 0

    def keep(self, value: Tensor) -> Tensor:
        """Return a copy of `value` on the shelf, or `value` itself where there is no room for it."""
        begin, size = self._next, value.numel() * value.element_size()
        if not size or begin + size > len(self._room) or value.device != self._room.device:
            return value
        self._next += _size(value)
        copy = self._room[begin : begin + size].view(value.dtype).reshape(value.shape)
        return copy.copy_(value)


def _size(value: Tensor) -> int:
    return -(-value.numel() * value.element_size() // LINE) * LINE
