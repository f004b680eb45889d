"""Signed digits: how many shifts and adds a multiplication by a payload takes.

A number in the non-adjacent form (Reitwiesner, 1960) is a sum of signed powers of two, no two of them neighbours, and
there is none of fewer terms: 1.75 = 2 - 1/4 takes two adds where its three bits would take three. The number of terms
of n is the number of ones in n xor 3 n.
"""

import functools
from typing import NamedTuple

import torch

from onnx2snn_runtime.dynamics.base import Tensor

MOST = 16
"""Mantissa bits that are looked at."""


class Tally(NamedTuple):
    """Of n steps, float64 [n] each: the weights met, and the signed digits times weights met.

    `graded` says in which steps some payload was not +-unit.
    """

    met: Tensor
    added: Tensor
    graded: Tensor


def signed_digits(n: int) -> int:
    """Return the number of non-zero digits of n >= 0 in the non-adjacent form."""
    return (n ^ (3 * n)).bit_count()


@functools.lru_cache(maxsize=64)
def _table(mantissa: int, device: torch.device) -> Tensor:
    """Return the signed digits of 0 to 2^(mantissa + 1)."""
    return torch.tensor([signed_digits(n) for n in range((2 << mantissa) + 1)], dtype=torch.int64, device=device)


def digits_of(a: Tensor, mantissa: int) -> Tensor:
    """Return the signed digits of a >= 0, rounded to `mantissa` bits behind the leading one; of 0 there are none."""
    bits = min(mantissa, MOST)
    significand, _ = torch.frexp(a)
    return _table(bits, a.device)[torch.round(significand * (2 << bits)).to(torch.int64)]


def tally(changes: Tensor, fan: Tensor, mantissa: int | None, unit: Tensor | float) -> Tally:
    """Count `changes` [n, ...], the payloads of n steps; element i of a step meets fan[i mod period] weights.

    `mantissa` and `unit`, which broadcasts to `changes`, are those of `Wire`. Real numbers have no digits.
    """
    rows, fired = len(changes), changes != 0
    wide = fan.to(torch.float64)

    def met(counts: Tensor) -> Tensor:
        """Return the sum of `counts` times the fan, of each step."""
        return counts.reshape(rows, -1, len(wide)).sum(1).to(torch.float64) @ wide

    reached = met(fired)
    if mantissa is None:
        return Tally(reached, torch.zeros_like(reached), reached > 0)
    ratio = changes.abs() / unit
    graded = (fired & ((ratio - 1).abs() > 2.0**-MOST)).reshape(rows, -1).any(1)
    return Tally(reached, met(digits_of(ratio, mantissa)) if mantissa else reached, graded)
