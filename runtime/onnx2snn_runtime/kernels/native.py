"""Calls the kernels for the CPU, written in C: scan.h is what they share, `compiling` builds them."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.kernels.base import Scanned
from onnx2snn_runtime.kernels.compiling import library

REAL = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}
"""The types that C kernels know."""

BLOCK = 1024
"""Neurons that a thread takes at a time, as scan.h has it."""

GRAIN = 1 << 16
"""So many element-steps are worth a thread of their own."""


def fits(name: str, target: Tensor) -> bool:
    """Return whether the kernel file `name` can scan towards `target` here."""
    return target.device.type == "cpu" and target.dtype in REAL and library(name) is not None


def scan(
    name: str, target: Tensor, v: Tensor, steps: int, scale: Tensor | float, reals: Sequence[float], rest: Sequence[Any]
) -> Scanned:
    """Call NAME_TYPE of the kernel file `name` for all of `v`, in as many of torch's threads as it is worth.

    The kernel's own parameters are numbers in the type of `v`, then integers or tensors, which go by address.
    """
    native = library(name)
    if native is None:
        raise TypeError("a kernel scans towards targets that it fits")
    call = _function(native.handle, f"{name}_{str(target.dtype)[6:]}")
    target, state = target.contiguous(), v.clone(memory_format=torch.contiguous_format)
    size = v.numel()
    out = torch.empty((steps, *v.shape), dtype=v.dtype)
    threads = max(1, min(torch.get_num_threads(), size * steps // GRAIN)) if native.threaded else 1
    numbers = torch.zeros(threads * steps + size // BLOCK + 1, dtype=torch.int64)
    scales, period = _spread(scale, v)
    given = [value.data_ptr() if isinstance(value, Tensor) else value for value in rest]
    own = _structure(REAL[target.dtype], len(reals), len(given))(*reals, *given)
    counts = numbers.data_ptr()
    arrays = (state.data_ptr(), out.data_ptr(), counts, counts + 8 * threads * steps)
    rows = call(
        target.data_ptr(), len(target), *arrays, steps, size, scales.data_ptr(), period, threads, ctypes.byref(own)
    )
    events = numbers[:steps] if threads == 1 else numbers[: threads * steps].reshape(threads, steps).sum(0)
    return Scanned(out[:rows], events, state)


@functools.cache
def _function(handle: ctypes.CDLL, name: str) -> Any:
    """Return the function `name`, its arguments declared."""
    function = getattr(handle, name)
    address, number = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [address, number, *[address] * 4, number, number, address, number, number, address]
    function.restype = number
    return function


@functools.cache
def _structure(real: type, reals: int, others: int) -> type[ctypes.Structure]:
    """Return a C structure of `reals` numbers and `others` integers or addresses."""
    fields = [(f"r{i}", real) for i in range(reals)] + [(f"n{i}", ctypes.c_int64) for i in range(others)]
    return type("Own", (ctypes.Structure,), {"_fields_": fields})


def _spread(scale: Tensor | float, v: Tensor) -> tuple[Tensor, int]:
    """Return the scale of each neuron of `v` [batch, ...], and how many; axes of 1 in front of theirs mean nothing."""
    if not isinstance(scale, Tensor) or scale.numel() == 1:
        return _number(float(scale), v.dtype), 1
    shape, value = v.shape[1:] if v.ndim else v.shape, scale.to(v.dtype)
    own = value.reshape(value.shape[max(0, value.ndim - len(shape)) :]).expand(shape).contiguous()
    return own, max(1, own.numel())


@functools.lru_cache(maxsize=4096)
def _number(value: float, dtype: torch.dtype) -> Tensor:
    return torch.full((1,), value, dtype=dtype)
