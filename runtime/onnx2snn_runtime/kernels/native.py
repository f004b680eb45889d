"""Calls the C kernels for CPUs: see `scan.h`; `compiling` compiles and loads them."""

import ctypes
import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Tensor
from onnx2snn_runtime.kernels.base import Clamp, Scanned
from onnx2snn_runtime.kernels.compiling import library, unavailable
from onnx2snn_runtime.kernels.memory import address, check_chunk, is_dense, ordered
from onnx2snn_runtime.kernels.plans import D, DynamicsKernel, Plan

REAL = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}
"""The types that C kernels are compiled for."""

BLOCK = 1024
"""Neurons that a thread processes at a time, as in scan.c."""

GRAIN = 1 << 16
"""The least neurons times steps per thread."""


class CKernel(DynamicsKernel[D]):
    """A kernel in C; it runs in as many of torch's threads as the size of the chunk justifies."""

    narrows: ClassVar[bool] = False

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return unavailable(self.source)

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        if not self.supports(dynamics) or target.device.type != "cpu" or target.dtype not in REAL:
            return False
        return library(self.source) is not None

    def run(self, plan: Plan, target: Tensor, steps: int, clamp: Clamp | None, narrow: torch.dtype | None) -> Scanned:
        """Call the function scan_TYPE of the compiled file.

        The parameters of the dynamics are a structure: numbers in the type of v (the bounds of the clip first), the
        address of the table, the flags, and the addresses of the states, NULL for those that do not exist.
        """
        native, v = library(self.source), plan.state.v
        if native is None:
            raise TypeError("a kernel scans towards targets that it fits")
        target = target.to(v.dtype)
        check_chunk(plan, target, steps, ())
        call, size = _function(native.handle, f"scan_{str(v.dtype)[6:]}"), v.numel()
        target = target if is_dense(target) and (len(target) == 1 or target.stride(0) == size) else target.contiguous()
        strides = target.stride()[1:]  # all of it is taken in the order in which the target lies
        state, *states = (ordered(x, strides) for x in (v, *plan.states))
        reals = (*(clamp or (-math.inf, math.inf)), *plan.reals.values())
        parameters = _parameters(v.dtype, reals, plan.table, tuple(plan.flags.values()), self.states)
        own = parameters.with_states(states) if states else parameters.own
        out = torch.empty_strided((steps, *v.shape), (size, *strides), dtype=v.dtype)
        threads = max(1, min(torch.get_num_threads(), size * steps // GRAIN)) if native.threaded else 1
        numbers = torch.zeros(threads * steps + size // BLOCK + 1, dtype=torch.int64)
        counts = address(numbers, torch.int64, threads * steps + size // BLOCK + 1)
        scales, period = _spread(plan.scale, state)
        silent_from = steps if plan.silent_from is None else max(plan.silent_from, len(target) - 1)
        rows = call(
            address(target, v.dtype, len(target) * size, strides), len(target), address(state, v.dtype, size, strides),
            address(out, v.dtype, steps * size, strides), counts, counts + 8 * threads * steps, steps, size,
            address(scales, v.dtype, period, scales.stride()), period, silent_from, threads, ctypes.byref(own),
        )  # fmt: skip
        events = numbers[:steps] if threads == 1 else numbers[: threads * steps].reshape(threads, steps).sum(0)
        return Scanned(out[: max(rows, 1)], events, plan.after(state, tuple(states)), settled=rows == 0 < size)


@functools.cache
def _function(handle: ctypes.CDLL, name: str) -> Any:
    """Return the function `name` of the library `handle`, with its argument types declared."""
    function = getattr(handle, name)
    address, number = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [address, number, *[address] * 4, number, number, address, number, number, number, address]
    function.restype = number
    return function


class Parameters(NamedTuple):
    """The parameters of a dynamics without states, the table that they point to, and the index of the first state."""

    own: ctypes.Structure
    table: Tensor
    first: int

    def with_states(self, states: Sequence[Tensor]) -> ctypes.Structure:
        """Return a copy with the addresses of the states."""
        own = type(self.own).from_buffer_copy(self.own)
        for i, tensor in enumerate(states):
            setattr(own, f"n{self.first + i}", address(tensor, self.table.dtype, states[0].numel(), states[0].stride()))
        return own


@functools.lru_cache(maxsize=4096)
def _parameters(
    dtype: torch.dtype, reals: tuple[float, ...], table: tuple[float, ...], flags: tuple[int, ...], states: int
) -> Parameters:
    """Return the parameters, cached."""
    held = torch.tensor(table, dtype=torch.float64).to(dtype)
    rest = (address(held, dtype, len(table)), *flags, *(0,) * states)
    return Parameters(_structure(REAL[dtype], len(reals), len(rest))(*reals, *rest), held, 1 + len(flags))


@functools.cache
def _structure(real: type, reals: int, others: int) -> type[ctypes.Structure]:
    """Return a C structure of `reals` numbers and `others` integers or addresses."""
    fields = [(f"r{i}", real) for i in range(reals)] + [(f"n{i}", ctypes.c_int64) for i in range(others)]
    return type("Own", (ctypes.Structure,), {"_fields_": fields})


def _spread(scale: Tensor | float, v: Tensor) -> tuple[Tensor, int]:
    """Return the scale of each neuron of `v` [batch, ...], in the order in which they lie, and how many there are.

    Axes of 1 before those of a neuron mean nothing. Where samples lie one after the other, those of one stand for all.
    """
    if not isinstance(scale, Tensor) or scale.numel() == 1:
        return _number(float(scale), v.dtype), 1
    one = v[:1] if v.ndim and v.stride(0) * len(v) == v.numel() else v
    shape, value = one.shape[1:] if v.ndim else v.shape, scale.to(v.dtype)
    own = value.reshape(value.shape[max(0, value.ndim - len(shape)) :])
    axis = next(i for i, size in enumerate(own.shape, v.ndim - own.ndim) if size > 1)
    if own.numel() == v.shape[axis] and v.stride(axis) == 1:  # channels last: they repeat from place to place
        return own.reshape(-1).contiguous(), own.numel()
    return ordered(own.expand(one.shape), one.stride()), max(1, one.numel())


@functools.lru_cache(maxsize=4096)
def _number(value: float, dtype: torch.dtype) -> Tensor:
    return torch.full((1,), value, dtype=dtype)
