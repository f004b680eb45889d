"""What a C kernel is asked to tally of the spikes that it sends: the weights that they meet."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Tensor

PATTERNS = 4
"""The most patterns of weights, as in scan.c."""

SUMS = 5
"""Weights met, digits times weights met, whether some spike is not +-unit (> 0), spikes, their digits: see scan.c."""

BITS = {torch.float32: 23, torch.float64: 52}
"""The bits of a significand behind the leading one."""

MOST = 16
"""Mantissa bits that are looked at."""

LARGEST = 1 << 18
"""An element that meets more weights than this could overflow the sums of a block."""


def dropped(mantissa: int | None, dtype: torch.dtype) -> int:
    """Return how many bits of a significand are below those of a payload, -1: it is a real number."""
    return -1 if mantissa is None else BITS[dtype] - min(mantissa, MOST)


class Tallied:
    """The `fans` of some population: neuron i, in the order of the axes, meets fan[i mod period] weights.

    `mantissa` are the bits of a payload; `given` is for `calls`, what it has made of this for neurons of some layout.
    """

    def __init__(self, fans: Sequence[Tensor], mantissa: int | None) -> None:
        self.fans, self.mantissa, self.patterns = list(fans), mantissa, len(fans)
        self.given: dict[Any, Any] = {}
        self._few = 0 < len(fans) <= PATTERNS and all(float(fan.max()) <= LARGEST for fan in fans if fan.numel())

    def fits(self, shape: Sequence[int]) -> bool:
        """Return whether a kernel can tally the spikes of neurons of `shape` [batch, ...] by these fans."""
        size = math.prod(shape)
        return self._few and size > 0 and all(fan.numel() and size % fan.numel() == 0 for fan in self.fans)
