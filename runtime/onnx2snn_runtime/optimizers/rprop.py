"""Steps that grow while the sign of the gradient stays, and shrink where it flips (torch.optim.Rprop)."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from onnx2snn_runtime.optimizers.base import OPTIMIZERS, Buffers, Tensor, require


@OPTIMIZERS.register("rprop")
@dataclass(frozen=True)
class Rprop:
    """d <- clamp(d etas[1] where g g_before > 0, d etas[0] where it is < 0; step_sizes), d = eta(1) at first.

    v <- v - sign(g) d, where a g whose sign flipped counts as 0. The schedule gives the first step size only, as in the
    paper's code. Source: torch.optim.Rprop; Riedmiller and Braun 1993.
    """

    etas: tuple[float, float] = (0.5, 1.2)
    step_sizes: tuple[float, float] = (1e-6, 50.0)
    linear: ClassVar[bool] = False
    plain: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(0 < self.etas[0] < 1 < self.etas[1], "rprop", f"has etas {self.etas}: give 0 < etas[0] < 1 < etas[1]")
        least, most = self.step_sizes
        require(0 < least <= most, "rprop", f"has step_sizes {self.step_sizes}: give the least and the largest")

    def step(self, v: Tensor, buffers: Buffers, gradient: Tensor, eta: float) -> tuple[Tensor, Buffers]:
        """Return the step against the sign of the gradient, and (gradient before, step size)."""
        before, size = buffers or (torch.zeros_like(gradient), torch.full_like(gradient, eta))
        agreement = torch.sign(gradient * before)
        factor = (
            torch.ones_like(size).masked_fill_(agreement > 0, self.etas[1]).masked_fill_(agreement < 0, self.etas[0])
        )
        size = (size * factor).clamp_(*self.step_sizes)
        kept = gradient.masked_fill(agreement < 0, 0.0)
        return -torch.sign(kept) * size, (kept, size)
