"""Stochastic gradient descent with momentum: the paper's default optimizer (torch.optim.SGD)."""

from dataclasses import dataclass
from typing import ClassVar

from onnx2snn_runtime.optimizers.base import OPTIMIZERS, Buffers, Tensor, require


@OPTIMIZERS.register("sgd")
@dataclass(frozen=True)
class SGD:
    """g <- g + weight_decay v; buf <- momentum buf + (1 - dampening) g, buf = g at first; v <- v - eta(t) buf.

    With Nesterov v <- v - eta(t) (g + momentum buf). Source: torch.optim.SGD; Sutskever et al., ICML 2013.
    """

    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    linear: ClassVar[bool] = True

    def __post_init__(self) -> None:
        numbers = (self.momentum, self.weight_decay)
        require(min(numbers) >= 0, "sgd", f"has momentum and weight_decay {numbers}: neither can be negative")
        require(
            not self.nesterov or (self.momentum > 0 and self.dampening == 0),
            "sgd",
            "with nesterov needs a momentum above 0 and no dampening",
        )

    @property
    def plain(self) -> bool:
        """Whether there is neither momentum nor weight decay."""
        return not self.momentum and not self.weight_decay

    def step(self, v: Tensor, buffers: Buffers, gradient: Tensor, eta: float) -> tuple[Tensor, Buffers]:
        """Return -eta times the momentum, and the momentum."""
        g = gradient + self.weight_decay * v if self.weight_decay else gradient
        if not self.momentum:
            return -eta * g, ()
        buf = self.momentum * buffers[0] + (1 - self.dampening) * g if buffers else g
        return -eta * (g + self.momentum * buf if self.nesterov else buf), (buf,)
