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
from onnx2snn_runtime.kernels.memory import address, check_chunk
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
        target = target.to(v.dtype).contiguous()
        check_chunk(plan, target, steps, ())
        call, size = _function(native.handle, f"scan_{str(v.dtype)[6:]}"), v.numel()
        state, *states = (x.clone(memory_format=torch.contiguous_format) for x in (v, *plan.states))
        reals = (*(clamp or (-math.inf, math.inf)), *plan.reals.values())
        parameters = _parameters(v.dtype, reals, plan.table, tuple(plan.flags.values()), self.states)
        own = parameters.with_states(states) if states else parameters.own
        out = torch.empty((steps, *v.shape), dtype=v.dtype)
        threads = max(1, min(torch.get_num_threads(), size * steps // GRAIN)) if native.threaded else 1
        numbers = torch.zeros(threads * steps + size // BLOCK + 1, dtype=torch.int64)
        counts = address(numbers, torch.int64, threads * steps + size // BLOCK + 1)
        scales, period = _spread(plan.scale, v)
        silent_from = steps if plan.silent_from is None else max(plan.silent_from, len(target) - 1)
        rows = call(
            address(target, v.dtype, len(target) * size), len(target), address(state, v.dtype, size),
            address(out, v.dtype, steps * size), counts, counts + 8 * threads * steps, steps, size,
            address(scales, v.dtype, period), period, silent_from, threads, ctypes.byref(own),
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
            setattr(own, f"n{self.first + i}", address(tensor, self.table.dtype, states[0].numel()))
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
    """Return the scale of each neuron of `v` [batch, ...], and their number; axes of 1 before its own mean nothing."""
    if not isinstance(scale, Tensor) or scale.numel() == 1:
        return _number(float(scale), v.dtype), 1
    shape, value = v.shape[1:] if v.ndim else v.shape, scale.to(v.dtype)
    own = value.reshape(value.shape[max(0, value.ndim - len(shape)) :]).expand(shape).contiguous()
    return own, max(1, own.numel())


@functools.lru_cache(maxsize=4096)
def _number(value: float, dtype: torch.dtype) -> Tensor:
    return torch.full((1,), value, dtype=dtype)
