"""What the C kernels are called with: structures of numbers and addresses, as scan.c declares them."""

import ctypes
import functools
import math
from collections.abc import Sequence
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.kernels.compiling import library
from onnx2snn_runtime.kernels.memory import address, ordered
from onnx2snn_runtime.kernels.order import periods
from onnx2snn_runtime.kernels.pointwise import ROWS, SOURCES, Tape
from onnx2snn_runtime.kernels.tallied import PATTERNS, Tallied, dropped

REAL = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}
"""The types that C kernels are compiled for."""

_LAYOUT, _MEMORY = 10 + 3 * SOURCES + 2 * ROWS + 5 * ROWS, SOURCES + ROWS + 9


@functools.cache
def function_of(handle: ctypes.CDLL, name: str) -> Any:
    """Return the function `name` of the library `handle`, with its argument types declared."""
    function = getattr(handle, name)
    function.argtypes = [ctypes.c_void_p] * 4
    function.restype = ctypes.c_int64
    return function


@functools.cache
def evaluator(dtype: torch.dtype) -> int:
    """Return the address of the function that computes tapes in `dtype`; there is one where a kernel `computes`."""
    native = library("functions")
    if native is None:
        raise TypeError("a kernel computes functions where it says so")
    return ctypes.cast(getattr(native.handle, f"evaluate_{str(dtype)[6:]}"), ctypes.c_void_p).value or 0


@functools.lru_cache(maxsize=4096)
def layout_of(
    sizes: tuple[int, int, int, int, int],
    rows: tuple[int, ...],
    strides: tuple[int, ...],
    apart: tuple[int, ...],
    givens: tuple[tuple[int, int], ...],
    tape: Tape,
) -> Any:
    """Return the LAYOUT of a scan: `sizes` are steps, outer, inner, threads and the first step that may be silent."""
    if len(rows) != tape.sources or len(givens) != 1 + len(tape.numbers) + tape.arrays:
        raise TypeError(f"a tape of {tape.sources} sources was given {len(rows)}, and {len(givens)} values")
    numbers = [*sizes, max(rows), len(rows), len(givens), len(tape.code) // 5, tape.result]
    sources = [number for one in zip(rows, strides, apart, strict=True) for number in one]
    given = [number for one in givens for number in one]
    filled = (numbers, 10), (sources, 3 * SOURCES), (given, 2 * ROWS), (tape.code, 5 * ROWS)
    return (ctypes.c_int64 * _LAYOUT)(*[n for part, size in filled for n in (*part, *(0,) * (size - len(part)))])


def memory_of(sources: Sequence[int], values: Sequence[int], *others: int) -> Any:
    """Return the MEMORY of a scan, addresses: of sources and values, and the `others` in the order of scan.c."""
    free = (0,) * (SOURCES - len(sources)), (0,) * (ROWS - len(values))
    return (ctypes.c_int64 * _MEMORY)(*sources, *free[0], *values, *free[1], *others)


def parameters_of(
    dtype: torch.dtype,
    reals: tuple[float, ...],
    table: tuple[float, ...],
    flags: tuple[int, ...],
    count: int,
    states: Sequence[Tensor],
) -> Any:
    """Return a pointer to the PARAMETERS of a dynamics, which may have `count` states: see parameters.h.

    They are numbers in `dtype` (the bounds of the clip first), the address of the table, the flags, and the addresses
    of the states, NULL for those that do not exist.
    """
    own = _parameters(dtype, reals, table, flags, count)
    if states:
        own, held = type(own).from_buffer_copy(own), own.held
        own.held = held
        for i, tensor in enumerate(states):
            setattr(own, f"n{1 + len(flags) + i}", tensor.data_ptr())
    return ctypes.byref(own)


@functools.lru_cache(maxsize=4096)
def _parameters(
    dtype: torch.dtype, reals: tuple[float, ...], table: tuple[float, ...], flags: tuple[int, ...], count: int
) -> Any:
    """Return the parameters without states; `held` is the table that they point to."""
    held = torch.tensor(table, dtype=torch.float64).to(dtype)
    rest = (address(held, dtype, len(table)), *flags, *(0,) * count)
    own = _structure(REAL[dtype], len(reals), len(rest))(*reals, *rest)
    own.held = held
    return own


@functools.cache
def _structure(real: type, reals: int, others: int) -> type[ctypes.Structure]:
    """Return a C structure of `reals` numbers and `others` integers or addresses."""
    fields = [(f"r{i}", real) for i in range(reals)] + [(f"n{i}", ctypes.c_int64) for i in range(others)]
    return type("Own", (ctypes.Structure,), {"_fields_": fields})


@functools.lru_cache(maxsize=4096)
def number(value: float, dtype: torch.dtype) -> Tensor:
    """Return a number in memory, cached."""
    return torch.full((1,), value, dtype=dtype)


def tallied_of(tallied: Tallied, shape: Sequence[int], strides: Sequence[int], dtype: torch.dtype) -> Any:
    """Return the TALLIED of a scan of neurons of a shape that `tallied` fits, in memory with these strides; kept."""
    key = tuple(shape), tuple(strides), dtype
    found = tallied.given.get(key)
    if found is None:
        rows = [_fan(fan, shape, strides) for fan in tallied.fans]
        numbers = [n for fan, *given in rows for n in (address(fan, torch.int32, fan.numel(), fan.stride()), *given)]
        padded = [dropped(tallied.mantissa, dtype), len(rows), *numbers, *[0] * (3 * (PATTERNS - len(rows)))]
        found = tallied.given[key] = (ctypes.c_int64 * len(padded))(*padded), rows
    return found[0]


def _fan(fan: Tensor, shape: Sequence[int], strides: Sequence[int]) -> tuple[Tensor, int, int]:
    """Return the weights met as whole numbers, how many neurons each is for, and their count: see `order.periods`."""
    whole, size = fan.to(torch.int32), math.prod(shape)
    if 1 < fan.numel() == math.prod(shape[1:]):
        return periods(whole.reshape(tuple(shape[1:])), shape, strides)
    if fan.numel() > 1 and list(strides) != list(torch.empty(tuple(shape), device="meta").stride()):
        whole = ordered(whole.repeat(size // fan.numel()).reshape(tuple(shape)), strides)
    return whole, 1, whole.numel()
