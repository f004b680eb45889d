"""The interface of optimizers: frozen parameters, and a pure `step` from a gradient to a change of the parameter.

The formulas are those of torch.optim, in units of the population's scale. If the change is linear in the history of
gradients, the receiver of the spikes can apply the same filter (`decode`); otherwise the change itself is sent.
"""

from typing import ClassVar, Protocol

import torch

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.registry import Registry

Tensor = torch.Tensor
Buffers = tuple[Tensor, ...]


class Optimizer(Protocol):
    """The interface of an optimizer; implementations are frozen dataclasses registered in OPTIMIZERS."""

    linear: ClassVar[bool]
    """Whether the change is linear in the gradients and the parameter."""

    @property
    def plain(self) -> bool:
        """Whether the change is -eta(t) times the gradient, without any memory."""
        ...

    def step(self, v: Tensor, buffers: Buffers, gradient: Tensor, eta: float) -> tuple[Tensor, Buffers]:
        """Return the change of `v` and the new buffers, given the old ones: () at the first step."""
        ...


OPTIMIZERS: Registry[type[Optimizer]] = Registry("optimizer", "onnx2snn_runtime.optimizers")


def require(fits: bool, optimizer: str, what: str) -> None:
    """Raise InputError unless the options of the optimizer fit."""
    if not fits:
        raise InputError(f"the optimizer {optimizer!r} {what}")
