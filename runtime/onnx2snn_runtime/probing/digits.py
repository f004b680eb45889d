"""Counts signed digits: the shifts and adds that a multiplication by a payload takes.

A number in the non-adjacent form (Reitwiesner, 1960) is a sum of signed powers of two, no two of them neighbours, and
there is none of fewer terms: 1.75 = 2 - 1/4 takes two adds where its three bits would take three. The number of terms
of n is the number of ones in n xor 3 n.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch

from onnx2snn_runtime.dynamics.base import Tensor, Wire
from onnx2snn_runtime.kernels import tally as kernel
from onnx2snn_runtime.kernels.tallied import MOST
from onnx2snn_runtime.ops.held import on_device


class Tally(NamedTuple):
    """Of n steps, float64 [n] each: weights met, signed digits times weights met, spikes, and their signed digits.

    `graded` says in which steps some payload was not +-unit.
    """

    met: Tensor
    added: Tensor
    events: Tensor
    digits: Tensor
    graded: Tensor


def signed_digits(n: int) -> int:
    """Return the number of non-zero digits of n >= 0 in the non-adjacent form."""
    return (n ^ (3 * n)).bit_count()


@functools.lru_cache(maxsize=64)
def _table(mantissa: int, device: torch.device) -> Tensor:
    """Return the signed digits of 0 to 2^(mantissa + 1)."""
    return torch.tensor([signed_digits(n) for n in range((2 << mantissa) + 1)], dtype=torch.int64, device=device)


def digits_of(a: Tensor, mantissa: int) -> Tensor:
    """Return the signed digits of a >= 0, rounded to `mantissa` bits behind the leading one.

    Of 0 there are none, and of what is no finite number.
    """
    bits = min(mantissa, MOST)
    significand, _ = torch.frexp(torch.where(a.isfinite(), a, 0.0))
    return _table(bits, a.device)[(significand * (2 << bits) + 0.5).to(torch.int64)]


def tally(
    values: Tensor,
    before: Tensor,
    fan: Tensor,
    mantissa: int | None,
    unit: Tensor | float,
    held: kernel.Held | None = None,
) -> Tally:
    """Count the changes of `values` [n, ...] over n steps, the first of which follow upon `before`.

    Element i of a step meets fan[i mod period] weights. `mantissa` and `unit`, which broadcasts to `values`, are those
    of `Wire`. Real numbers have no digits. `held` keeps what a kernel makes of `fan` and `unit` for the next call.
    """
    weights = kernel.ready(values, fan, unit, held)
    if weights is not None:
        met, added, graded, events, digits = kernel.run(values, before, weights, mantissa).to(torch.float64).unbind(1)
        return Tally(met, added, events, digits, graded > 0)
    return tally_by_steps(values, before, fan, mantissa, unit)


def tally_by_steps(values: Tensor, before: Tensor, fan: Tensor, mantissa: int | None, unit: Tensor | float) -> Tally:
    """Return what `tally` gives, computed by torch on any device."""
    changes = torch.diff(values, dim=0, prepend=before[None].to(values.dtype))
    rows, fired = len(changes), changes != 0
    wide = fan.to(torch.float64)

    def met(counts: Tensor) -> Tensor:
        """Return the sum of `counts` times the fan, of each step."""
        return counts.reshape(rows, -1, len(wide)).sum(1).to(torch.float64) @ wide

    reached, events = met(fired), fired.reshape(rows, -1).sum(1).to(torch.float64)
    if mantissa is None:
        none = torch.zeros_like(reached)
        return Tally(reached, none, events, none, events > 0)
    ratio = changes.abs() / unit
    graded = (fired & ((ratio - 1).abs() > 2.0**-MOST)).reshape(rows, -1).any(1)
    if not mantissa:
        return Tally(reached, reached, events, events, graded)
    digits = digits_of(ratio, mantissa)
    return Tally(reached, met(digits), events, digits.reshape(rows, -1).sum(1).to(torch.float64), graded)


def units_of(wires: Sequence[Wire], changes: Tensor) -> Tensor | float:
    """Return the units of the steps, to broadcast to `changes` [n, ...]."""
    units = [wire.unit for wire in wires]
    if all(unit is units[0] for unit in units):
        return units[0]
    numbers = [unit for unit in units if isinstance(unit, float)]
    if len(numbers) == len(units):
        made = on_device(numbers, changes.dtype, changes.device)
        return made.reshape(-1, *[1] * (changes.ndim - 1))
    made = torch.stack([torch.as_tensor(unit, dtype=changes.dtype, device=changes.device) for unit in units])
    return made.reshape(len(units), *[1] * (changes.ndim - made.ndim), *made.shape[1:])
