"""The order in which a C kernel visits neurons: that of their memory, where all that it reads lies in one order."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.kernels.memory import ordered

PIECE = 64
"""Sources that lie in pieces of fewer neurons are copied."""


class Order(NamedTuple):
    """Neurons in `outer` pieces of `inner`, in memory with the `strides` of a step; `apart` are the pieces of sources.

    The estimates are dense: their pieces follow each other. Those of a source that is part of a wider tensor do not.
    """

    outer: int
    inner: int
    apart: tuple[int, ...]
    strides: tuple[int, ...]


@functools.lru_cache(maxsize=4096)
def common_order(shape: tuple[int, ...], strides: tuple[tuple[int, ...], ...]) -> Order | None:
    """Return the order for sources whose steps have `shape` and these strides; None where they have to be copied."""
    size, first = math.prod(shape), strides[0]
    if all(_dense(shape, own) and _alike(shape, own, first) for own in strides):
        return Order(1, size, (size,) * len(strides), first)
    pieces = [_pieces(shape, own) for own in strides]
    inner = min(piece[0] for piece in pieces)
    if inner < PIECE or any(count not in (inner, size) for count, _ in pieces):
        return None
    apart = tuple(inner if count == size else own for count, own in pieces)
    return Order(size // inner, inner, apart, _row_major(shape))


def fitting(value: Tensor, strides: Sequence[int]) -> bool:
    """Return whether the neurons of `value` have these strides."""
    return _alike(value.shape, value.stride(), strides)


def periods(value: Tensor, shape: Sequence[int], strides: Sequence[int]) -> tuple[Tensor, int, int]:
    """Return numbers, how many neurons each is for, and their count: what each neuron of `shape` has of `value`.

    `value` broadcasts to the neurons of a sample, without the batch axis; axes of 1 in front of those mean nothing.
    """
    if value.numel() == 1:
        return value.reshape(1), 1, 1
    own = tuple(value.shape)[max(0, value.ndim - len(shape) + 1) :]
    aligned = value.reshape((1,) * (len(shape) - len(own)) + own)
    axes = [axis for axis, count in enumerate(aligned.shape) if count != 1]
    if len(axes) == 1:
        return aligned.reshape(-1).contiguous(), strides[axes[0]], value.numel()
    inside = math.prod(shape[1:])
    if len(shape) < 2 or (shape[0] > 1 and strides[0] != inside):  # the batch is not the outermost axis
        return ordered(aligned.expand(shape), strides), 1, math.prod(shape)
    return ordered(aligned[0].expand(shape[1:]), strides[1:]), 1, max(1, inside)


def _alike(shape: Sequence[int], own: Sequence[int], other: Sequence[int]) -> bool:
    return all(n == 1 or a == b for n, a, b in zip(shape, own, other, strict=True))


def _dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Return whether the elements fill their memory without gaps or overlaps, in some order of axes."""
    expected = 1
    for stride, count in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= count
    return True


def _pieces(shape: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """Return how many elements lie in a row in row-major order, and how far such pieces are apart; (1, 0): unevenly."""
    inner, axis = 1, len(shape)
    while axis and (shape[axis - 1] == 1 or strides[axis - 1] == inner):
        axis -= 1
        inner *= shape[axis]
    if not axis:
        return inner, inner
    apart = expected = strides[axis - 1]
    for count, stride in zip(shape[axis - 1 :: -1], strides[axis - 1 :: -1], strict=True):
        if count != 1 and stride != expected:
            return 1, 0
        expected *= count
    return inner, apart


def _row_major(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
