"""Counts what a population sent in a chunk of time, on a CPU, in one pass over memory: see tally.c."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.kernels.compiling import library
from onnx2snn_runtime.kernels.memory import address
from onnx2snn_runtime.kernels.native import GRAIN
from onnx2snn_runtime.kernels.tallied import BITS, LARGEST, SUMS, dropped

SOURCE = "tally"
MOST_HELD = 1024
"""So many are kept of what was made ready."""


class Weights(NamedTuple):
    """Weights and units as the kernel reads them, `axes` the order of a sample's axes in memory where it is another.

    `of` are the tensors that they were made from, `largest` the most weights that an element meets.
    """

    of: tuple[Tensor, Tensor | float]
    fans: Tensor
    units: Tensor
    rowwise: bool
    axes: list[int]
    largest: float


Held = dict[Any, Weights]
"""What was made ready for values of some layout; it keeps the tensors that it was made from, which last anyway."""


def ready(values: Tensor, fan: Tensor, unit: Tensor | float, held: Held | None = None) -> Weights | None:
    """Return what `run` needs beside the values; None where it does not count them: off a CPU, without a compiler.

    What is in `held` for such values is taken from there, and else put there.
    """
    if values.device.type != "cpu" or values.dtype not in BITS or not values.numel() or library(SOURCE) is None:
        return None
    layout = (values.shape[2:], values.stride()[2:], values.is_contiguous(), values.dtype)
    key = (id(fan), id(unit) if isinstance(unit, Tensor) else unit, *layout)
    made = None if held is None else held.get(key)
    if made is None:
        made = _made(values, fan, unit)
        if held is not None:
            if len(held) >= MOST_HELD:
                held.clear()
            held[key] = made
    return made if made.largest <= LARGEST else None


def _made(values: Tensor, fan: Tensor, unit: Tensor | float) -> Weights:
    units, rowwise = _units(unit, values)
    axes, fans = _order(values, fan), fan
    if axes:
        shape, turned = values.shape[2:], [axis - 2 for axis in axes]
        fans, units = _turned(fan[None], shape, turned)[0], _turned(units, shape, turned)
    period = max(fans.numel(), units.shape[1])
    wide, units = (x if x.shape[1] == 1 else x.repeat(1, period // x.shape[1]) for x in (fans[None], units))
    return Weights((fan, unit), wide.to(torch.int32).contiguous(), units.contiguous(), rowwise, axes, float(fan.max()))


def run(values: Tensor, before: Tensor | None, weights: Weights, mantissa: int | None, *, sums: bool = False) -> Tensor:
    """Return what the changes of `values` [n, ...], which follow upon `before` (None: they are changes), are: [n, 5].

    Weights met, digits times weights met, spikes that are not one unit, spikes, digits. Of `sums` of spikes: weights
    met, digits times weights met of those that have few, weights that the others meet, those that are not one unit.

    Values of steps that are dense in another order of axes (channels last) are read where they lie. The fan [period] of
    `weights` repeats along a step; its unit is a number, one for each step [n, 1, ...], or one for each neuron.
    """
    native, rows, size = library(SOURCE), len(values), values[0].numel()
    if native is None:
        raise TypeError("a kernel counts what it fits")
    fans, units, axes = weights.fans, weights.units, weights.axes
    if axes:
        values = values.permute(0, 1, *axes)
        before = None if before is None else before.permute(0, *(axis - 1 for axis in axes))
    values = values.contiguous()
    before = None if before is None else before.to(values.dtype).contiguous()
    period = max(fans.numel(), units.shape[1])
    threads = max(1, min(torch.get_num_threads(), size * rows // GRAIN)) if native.threaded else 1
    found = torch.zeros((threads, rows, SUMS), dtype=torch.int64)
    _function(native.handle, f"{'tally_sums' if sums else 'tally_changes'}_{str(values.dtype)[6:]}")(
        address(values, values.dtype, rows * size),
        0 if before is None else address(before, values.dtype, size), rows, size,
        address(fans, torch.int32, fans.numel()), fans.numel(), address(units, values.dtype, units.numel()),
        units.shape[1], int(weights.rowwise), size if period == 1 else period,
        dropped(mantissa, values.dtype),
        address(found, torch.int64, found.numel()), threads,
    )  # fmt: skip
    return found[0] if threads == 1 else found.sum(0)


def _order(values: Tensor, fan: Tensor) -> list[int]:
    """Return the axes of a sample as they lie in memory, none where they are in order, or no sample is dense."""
    if values.is_contiguous() or fan.numel() not in (1, values[0, :1].numel()):
        return []
    strides = values.stride()
    axes = sorted(range(2, values.ndim), key=lambda axis: -strides[axis])
    return axes if values.permute(0, 1, *axes).is_contiguous() else []


def _turned(rows: Tensor, shape: Sequence[int], axes: Sequence[int]) -> Tensor:
    """Return `rows` [n, 1 or neurons of a sample of `shape`] with these axes of the sample in order."""
    if rows.shape[1] == 1:
        return rows
    return rows.reshape(-1, *shape).permute(0, *(axis + 1 for axis in axes)).reshape(len(rows), -1)


def _units(unit: Tensor | float, values: Tensor) -> tuple[Tensor, bool]:
    """Return the units [1 or n, 1 or neurons of a sample], and whether they differ between steps."""
    if not isinstance(unit, Tensor) or unit.numel() == 1:
        return torch.full((1, 1), float(unit), dtype=values.dtype), False
    rowwise = unit.ndim == values.ndim and len(unit) == len(values)
    rows = unit if rowwise else unit[None]
    if rows[0].numel() > 1:
        shape = values.shape[2:]
        rows = rows.reshape(len(rows), *rows.shape[rows.ndim - len(shape) :]).expand(len(rows), *shape)
    return rows.reshape(len(rows), -1).to(values.dtype), rowwise


@functools.cache
def _function(handle: ctypes.CDLL, name: str) -> Any:
    function = getattr(handle, name)
    at, number = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [at, at, number, number, at, number, at, number, number, number, number, at, number]
    function.restype = None
    return function
