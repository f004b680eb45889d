"""Gradients divided by their running root mean square (torch.optim.RMSprop)."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from onnx2snn_runtime.optimizers.base import OPTIMIZERS, Buffers, Tensor, require


@OPTIMIZERS.register("rmsprop")
@dataclass(frozen=True)
class RMSprop:
    """sq <- alpha sq + (1 - alpha) g^2; buf <- momentum buf + g / (sqrt(sq) + eps); v <- v - eta(t) buf.

    g <- g + weight_decay v first; centered, sq less the square of the running mean of g stands under the root.
    Source: torch.optim.RMSprop; Tieleman and Hinton 2012. (The paper's code never updates its momentum buffer.)
    """

    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    linear: ClassVar[bool] = False
    plain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        numbers = (self.alpha, self.eps, self.weight_decay, self.momentum)
        require(
            min(numbers) >= 0 and self.alpha <= 1,
            "rmsprop",
            f"has alpha, eps, weight_decay and momentum {numbers}: give 0 <= alpha <= 1 and nothing negative",
        )

    def step(self, v: Tensor, buffers: Buffers, gradient: Tensor, eta: float) -> tuple[Tensor, Buffers]:
        """Return -eta times the normalised gradients, and (sq, buf, mean)."""
        g = gradient + self.weight_decay * v if self.weight_decay else gradient
        square, buf, mean = buffers or (torch.zeros_like(g),) * 3
        square = self.alpha * square + (1 - self.alpha) * g * g
        mean = self.alpha * mean + (1 - self.alpha) * g
        # rounding may take the variance below zero, which torch.optim lets become NaN
        variance = (square - mean * mean).clamp(min=0.0) if self.centered else square
        buf = self.momentum * buf + g / (torch.sqrt(variance) + self.eps)
        return -eta * buf, (square, buf, mean)
