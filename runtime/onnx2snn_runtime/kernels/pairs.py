"""Counts the products of two activations on a CPU, in one pass over memory: see pairs.c."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.kernels.compiling import library
from onnx2snn_runtime.kernels.memory import address

SOURCE = "pairs"
TYPES = (torch.float32, torch.float64)
MOST = 4096
"""The longest sum that the kernel takes."""


def fits(now: Sequence[Tensor], before: Sequence[Tensor]) -> bool:
    """Return whether the kernel counts the products of these operands: matrices of one type, batch and device."""
    a, b = now
    alike = all(x.device.type == "cpu" and x.dtype == a.dtype for x in (*now, *before)) and a.dtype in TYPES
    shaped = a.shape == before[0].shape and b.shape == before[1].shape and a.ndim > 1 and a.ndim == b.ndim
    if not alike or not shaped or a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        return False
    return 0 < a.shape[-1] <= MOST and library(SOURCE) is not None


def run(now: Sequence[Tensor], before: Sequence[Tensor]) -> Tensor:
    """Return how many products of a change of one operand with what is not zero of the other there are, int64 [1]."""
    native, (a, b) = library(SOURCE), now
    if native is None:
        raise TypeError("a kernel counts what it fits")
    transposed = b.mT.is_contiguous()
    given = [x.contiguous() for x in (a, before[0], *((y.mT if transposed else y) for y in (b, before[1])))]
    found = torch.zeros(1, dtype=torch.int64)
    _function(native.handle, f"pairs_{str(a.dtype)[6:]}")(
        *(address(x, a.dtype, x.numel()) for x in given), a[..., 0, 0].numel(), *a.shape[-2:], b.shape[-1],
        int(transposed), address(found, torch.int64, 1),
    )  # fmt: skip
    return found


@functools.cache
def _function(handle: ctypes.CDLL, name: str) -> Any:
    function = getattr(handle, name)
    at, number = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [*[at] * 4, *[number] * 5, at]
    function.restype = None
    return function
