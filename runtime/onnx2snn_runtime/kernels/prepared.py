"""Calls of a C kernel that are made over and over: what they need besides the memory of a run is worked out once."""

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from onnx2snn_runtime.dynamics.base import State, Tensor
from onnx2snn_runtime.kernels.base import Scanned
from onnx2snn_runtime.kernels.calls import tallied_of
from onnx2snn_runtime.kernels.order import Order, fitting
from onnx2snn_runtime.kernels.pointwise import ROWS, SOURCES
from onnx2snn_runtime.kernels.tallied import SUMS, Tallied

_BEFORE, _AFTER, _OUT, _COUNTS, _KEPT, _PEAK, _EVALUATE, _SENT, _SUMS = range(SOURCES + ROWS, SOURCES + ROWS + 9)
"""Where the addresses of a run stand in MEMORY, see scan.c."""


class Prepared(NamedTuple):
    """What a call needs besides the memory of the run, for sources of certain shapes and strides."""

    function: Any
    layout: Any
    evaluate: int
    order: Order
    copies: bool
    """Whether sources have to be converted or copied into one order."""
    values: list[int]
    held: tuple[Any, ...]
    """What `values` and the key of the cache point to: values, scale, tape, arrays."""
    threads: int
    room: int
    """The spikes of each thread and step, and a number for each block."""


def events_of(numbers: Tensor, threads: int, steps: int) -> Tensor:
    """Return the spikes of each step, int64 [steps], of those of each thread and step that lead `numbers`."""
    spikes = numbers[: threads * steps]
    return spikes if threads == 1 else spikes.reshape(threads, steps).sum(0)


def room_for(tallied: Tallied, threads: int, steps: int) -> Tensor:
    """Return memory for what is tallied in each thread: the kernel fills it."""
    return torch.empty((threads, tallied.patterns, steps, SUMS), dtype=torch.int64)


def sums_of(sums: Tensor) -> Tensor:
    """Return what was tallied in all threads, int64 [patterns, steps, 5]."""
    return sums[0] if len(sums) == 1 else sums.sum(0)


class Ready:
    """A call for populations of one kind without states besides v: equal neurons, functions, and layouts of sources.

    It holds memory that a call writes: one execution, in one thread, has it.
    """

    def __init__(
        self, call: Prepared, memory: Any, parameters: Any, sources: Sequence[Tensor], steps: int, over: int | None
    ) -> None:
        """Take the `memory` of a first call, whose addresses are replaced in each; `over`: the source to write over."""
        self._function, self._layout, self._memory, self._parameters = call.function, call.layout, memory, parameters
        self._held = call.held
        self._threads, self._steps, self._room, self._over = call.threads, steps, call.room, over
        self._dtype, self._size = sources[0].dtype, sources[0][0].numel()
        self._shape, self._strides = sources[0].shape[1:], call.order.strides
        self._whole = (steps, *self._shape), (call.order.outer * call.order.inner, *self._strides)
        self._peak = ctypes.c_double()
        memory[_PEAK] = ctypes.addressof(self._peak)

    def continues(self, state: State) -> bool:
        """Return whether this call goes on from `state`."""
        return state.v.dtype == self._dtype and fitting(state.v, self._strides)

    def scan(
        self, sources: Sequence[Tensor], before: State | None, tallied: Tallied | None = None, sends: bool = False
    ) -> Scanned:
        """Scan, see `Kernel.scan`; the `sources` are laid out as those that this call was prepared for."""
        memory, dtype = self._memory, self._dtype
        for index, source in enumerate(sources):
            memory[index] = source.data_ptr()
        after = torch.empty_strided(self._shape, self._strides, dtype=dtype)
        out = torch.empty_strided(*self._whole, dtype=dtype) if self._over is None else sources[self._over]
        numbers = torch.empty(self._room, dtype=torch.int64)
        counts = numbers.data_ptr()
        memory[_BEFORE] = 0 if before is None else before.v.data_ptr()
        memory[_AFTER], memory[_OUT], memory[_COUNTS] = after.data_ptr(), out.data_ptr(), counts
        memory[_KEPT] = counts + 8 * self._threads * self._steps
        given, sums, sent = None, None, None
        if tallied is not None:
            given, sums = (
                tallied_of(tallied, self._shape, self._strides, dtype),
                room_for(tallied, self._threads, self._steps),
            )
            memory[_SUMS] = sums.data_ptr()
        if sends:
            sent = torch.empty_strided(*self._whole, dtype=dtype)
        memory[_SENT] = 0 if sent is None else sent.data_ptr()
        rows = self._function(self._layout, memory, self._parameters, given)
        events = events_of(numbers, self._threads, self._steps)
        values = out if rows == self._steps else out[: max(rows, 1)]
        settled, found = rows == 0 < self._size, None if sums is None else sums_of(sums)
        return Scanned(values, events, State(after), settled, self._peak.value, found, sent)
