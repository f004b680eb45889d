"""Softmax and its relatives: along one axis since opset 13, over all axes from `axis` on before."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator

OPERATORS: Declared = {
    "Hardmax": {"along_axis": True},
    "LogSoftmax Softmax": {"along_axis": True, "readout": True},
}


def hardmax(x: Tensor, axis: int) -> Tensor:
    """Return 1 at the first largest value along `axis`, 0 elsewhere."""
    return torch.movedim(F.one_hot(x.argmax(axis), x.shape[axis]), -1, axis).to(x.dtype)


def _register(name: str, function: Callable[[Tensor, int], Tensor]) -> None:
    @operator(name, since=13)
    def along(x: Tensor, *, axis: int = -1) -> Tensor:
        return function(x, axis)

    @operator(name)
    def flattened(x: Tensor, *, axis: int = 1) -> Tensor:
        start = axis % x.ndim if axis < 0 else axis
        return function(x.reshape(*x.shape[:start], -1), -1).reshape(x.shape)

    along.__doc__ = f"y = {name}(x) along `axis`."
    flattened.__doc__ = f"y = {name}(x) over the axes from `axis` on, taken as one."


_register("Softmax", torch.softmax)
_register("LogSoftmax", torch.log_softmax)
_register("Hardmax", hardmax)
