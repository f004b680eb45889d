"""The C kernels for CPUs: one pass over memory, in the order in which the neurons lie there; see `scan.c`."""

import ctypes
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Tensor
from onnx2snn_runtime.kernels.base import Ask, Scanned
from onnx2snn_runtime.kernels.calls import (
    REAL,
    evaluator,
    function_of,
    layout_of,
    memory_of,
    number,
    parameters_of,
    tallied_of,
)
from onnx2snn_runtime.kernels.compiling import library, unavailable
from onnx2snn_runtime.kernels.memory import address, address_within, check_chunk, ordered
from onnx2snn_runtime.kernels.order import Order, common_order, fitting, periods
from onnx2snn_runtime.kernels.plans import D, DynamicsKernel, Plan
from onnx2snn_runtime.kernels.pointwise import PLAIN, Pointwise
from onnx2snn_runtime.kernels.prepared import Prepared, Ready, events_of, room_for, sums_of

BLOCK = 1024
"""Neurons that a thread processes at a time, as in scan.c."""

GRAIN = 1 << 16
"""The least neurons times steps per thread."""

MOST_CALLS = 4096
"""So many prepared calls are kept."""

MOST_NUMBERS = 4096
"""A call that holds more is prepared anew every time."""

_PLAIN = Pointwise(PLAIN)
_OPEN = (-math.inf, math.inf)
_CALLS: dict[Any, Prepared] = {}
Values = list[tuple[Tensor, int, int]]


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

    def computes(self) -> bool:
        """Return whether this kernel computes pointwise functions."""
        return library("functions") is not None

    def run(self, plan: Plan, target: Tensor, steps: int, ask: Ask) -> Scanned:
        """Call the function scan_TYPE of the compiled file: see `scan.c`."""
        v, function = plan.state.v, ask.function or _PLAIN
        dtype, sources = v.dtype, (target, *function.others)
        call, own = self._call(plan, sources, steps, ask)
        given = _arranged(sources, dtype) if call.copies else sources
        strides = call.order.strides
        states = tuple([ordered(x, strides) for x in plan.states])
        after = torch.empty_strided(v.shape, strides, dtype=dtype)
        over = _over(given, ask.spare, call.order, (steps, *v.shape))
        out = _room(given[0].dtype, call.order, (steps, *v.shape)) if over is None else given[over]
        before, sent = _before(v, call.order), None
        if ask.sends:
            sent = _room(dtype, call.order, (steps, *v.shape))
        counted = None if ask.tallied is None else tallied_of(ask.tallied, v.shape, strides, dtype)
        sums = None if ask.tallied is None else room_for(ask.tallied, call.threads, steps)
        numbers, peak = torch.empty(call.room, dtype=torch.int64), ctypes.c_double()
        counts = address(numbers, torch.int64, call.room)
        memory = memory_of(
            [address_within(x, dtype) for x in given], call.values,
            0 if before is None else address_within(before, dtype), address_within(after, dtype),
            address_within(out, dtype), counts, counts + 8 * call.threads * steps, ctypes.addressof(peak),
            call.evaluate, 0 if sent is None else address_within(sent, dtype), 0 if sums is None else sums.data_ptr(),
        )  # fmt: skip
        rows = call.function(call.layout, memory, parameters_of(*own, self.states, states), counted)
        events = events_of(numbers, call.threads, steps)
        state = plan.after(after, states)
        return Scanned(
            out[: max(rows, 1)], events, state, rows == 0 < v.numel(), peak.value,
            None if sums is None else sums_of(sums), sent,
        )  # fmt: skip

    def ready(self, plan: Plan, target: Tensor, steps: int, ask: Ask) -> Ready | None:
        """Return the call for populations and sources like these; None where sources are copied, or states kept."""
        function, shape = ask.function or _PLAIN, (steps, *target.shape[1:])
        sources = (target, *function.others)
        call, own = self._call(plan, sources, steps, ask)
        if call.copies or plan.states:
            return None
        memory = memory_of((), call.values, 0, 0, 0, 0, 0, 0, call.evaluate, 0, 0)
        over = _over(sources, ask.spare, call.order, shape)
        return Ready(call, memory, parameters_of(*own, self.states, ()), sources, steps, over)

    def _call(
        self, plan: Plan, sources: Sequence[Tensor], steps: int, ask: Ask
    ) -> tuple[Prepared, tuple[torch.dtype, Any, Any, Any]]:
        """Return the prepared call for these sources, and the parameters of the dynamics besides its states."""
        v, function, scale = plan.state.v, ask.function or _PLAIN, plan.scale
        threads, table, flags = torch.get_num_threads(), plan.table, tuple(plan.flags.values())
        reals = (*(ask.clamp or _OPEN), *plan.reals.values())
        key = (
            self.source, v.dtype, v.shape, steps, threads, table, flags, reals, plan.silent_from,
            id(scale) if isinstance(scale, Tensor) else scale, id(function.tape), *map(id, function.arrays),
            tuple([(x.shape, x.stride(), x.dtype) for x in sources]),
        )  # fmt: skip
        call = _CALLS.get(key)
        if call is None:
            call = _prepared(self, plan, sources, steps, function, threads, reals)
            _keep(key, call, function)
        return call, (v.dtype, reals, table, flags)


def _keep(key: Any, call: Prepared, function: Pointwise) -> None:
    """Keep a prepared call, unless it holds much, or copies of arrays, which may change where they are."""
    values = [value for value, *_ in call.held[0]]
    own = values[len(values) - len(function.arrays) :]
    copies = any(a.data_ptr() != b.data_ptr() for a, b in zip(own, function.arrays, strict=True))
    if copies or sum(value.numel() for value in values) > MOST_NUMBERS:
        return
    if len(_CALLS) >= MOST_CALLS:
        _CALLS.clear()
    _CALLS[key] = call


def _prepared(
    kernel: Any, plan: Plan, given: Sequence[Tensor], steps: int, function: Pointwise, most: int, reals: Any
) -> Prepared:
    """Return the call for these sources; what does not fit raises ModelError."""
    native, v = library(kernel.source), plan.state.v
    if native is None:
        raise TypeError("a kernel scans towards targets that it fits")
    dtype, size, sources = v.dtype, v.numel(), _arranged(given, v.dtype)
    for x in sources:
        check_chunk(plan, x, steps, ())
    order = _order(v.shape, sources)
    if order is None:
        raise TypeError("contiguous tensors lie in one order")
    values = _values(plan.scale, function, dtype, v.shape, order)
    threads = max(1, min(most, size * steps // GRAIN)) if native.threaded else 1
    rows, quiet = [len(x) for x in sources], plan.silent_from
    silent_from = steps if quiet is None else max(quiet, *[n - 1 for n in rows])
    layout = layout_of(
        (steps, order.outer, order.inner, threads, silent_from), tuple(rows), tuple([x.stride(0) for x in sources]),
        order.apart, tuple([x[1:] for x in values]), function.tape,
    )  # fmt: skip
    return Prepared(
        function_of(native.handle, f"scan_{str(dtype)[6:]}"), layout, evaluator(dtype) if function.tape.code else 0,
        order, any(a is not b for a, b in zip(sources, given, strict=True)),
        [address_within(x[0], dtype) for x in values], (values, plan.scale, function.tape, *function.arrays), threads,
        threads * steps + order.outer * -(-order.inner // BLOCK),
    )  # fmt: skip


def _order(shape: torch.Size, sources: Sequence[Tensor]) -> Order | None:
    return common_order(shape, tuple([x.stride()[1:] for x in sources]))


def _arranged(given: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Return the sources in `dtype` and in one order, copied only where they are not."""
    sources = [x if x.dtype == dtype else x.to(dtype) for x in given]
    alike = len({x.shape[1:] for x in sources}) == 1  # what is not is refused later
    return sources if alike and _order(sources[0].shape[1:], sources) else [x.contiguous() for x in sources]


def _values(
    scale: Tensor | float, function: Pointwise, dtype: torch.dtype, shape: Sequence[int], order: Order
) -> Values:
    """Return the scale, and what else the function is given: numbers, the neurons that each is for, and their count."""
    found = [
        periods(scale.to(dtype), shape, order.strides) if isinstance(scale, Tensor) else (number(scale, dtype), 1, 1)
    ]
    found += [(number(value, dtype), 1, 1) for value in function.tape.numbers]
    return found + [periods(x.to(dtype), shape, order.strides) for x in function.arrays]


def _over(sources: Sequence[Tensor], spare: Sequence[int], order: Order, shape: tuple[int, ...]) -> int | None:
    """Return the source that nobody needs and that the estimates [T, ...] can be written over, None: there is none."""
    strides = (order.outer * order.inner, *order.strides)
    return next((i for i in spare if sources[i].shape == shape and fitting(sources[i], strides)), None)


def _room(dtype: torch.dtype, order: Order, shape: tuple[int, ...]) -> Tensor:
    """Return new memory for the estimates [T, ...]."""
    return torch.empty_strided(shape, (order.outer * order.inner, *order.strides), dtype=dtype)


def _before(v: Tensor, order: Order) -> Tensor | None:
    """Return the estimates before the chunk in the order of the sources, None where they are zero: see `init`."""
    if v.numel() > 1 and not any(v.stride()) and not v.view(-1)[0].item():
        return None
    return v if fitting(v, order.strides) else ordered(v, order.strides)
