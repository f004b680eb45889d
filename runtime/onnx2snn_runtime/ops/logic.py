"""Comparisons, logic and operations on bits."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.elementwise import register_binary, register_unary, widen

OPERATORS: Declared = {
    "BitShift": {"elementwise": True},
    "IsInf IsNaN": {"elementwise": True, "discrete": True, "readout": True},
    "Where": {"affine": "ctt", "elementwise": True, "readout": True},
}


for _name, _function in {
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "And": torch.logical_and,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor,
}.items():
    register_binary(_name, _function, keeps_type=False)

for _name, _function in {
    "BitwiseAnd": torch.bitwise_and,
    "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}.items():
    register_binary(_name, _function)

register_unary("Not", torch.logical_not)
register_unary("BitwiseNot", torch.bitwise_not)


@operator("BitShift")
def bit_shift(x: Tensor, y: Tensor, *, direction: str) -> Tensor:
    """z = x 2^y (LEFT) or floor(x / 2^y) (RIGHT), within the width of the type.

    A shift below 0 or of at least the width gives 0, or -1 for a negative x to the right.
    """
    a, shift = widen(x).to(torch.int64), widen(y).to(torch.int64)
    width = x.element_size() * 8
    inside = (shift >= 0) & (shift < width)
    safe = torch.where(inside, shift, torch.zeros_like(shift))
    if direction == "LEFT":
        return torch.where(inside, a << safe, torch.zeros_like(a)).to(x.dtype)
    return torch.where(inside, a >> safe, -(a < 0).to(torch.int64)).to(x.dtype)


@operator("IsNaN")
def is_nan(x: Tensor) -> Tensor:
    """y = whether x is not a number."""
    return torch.isnan(x)


@operator("IsInf")
def is_inf(x: Tensor, *, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    """y = whether x is infinite, of the signs asked for."""
    y = torch.isinf(x)
    if not detect_negative:
        y = y & (x > 0)
    return y if detect_positive else y & (x < 0)


@operator("Where")
def where(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """z = x where `condition` holds, y elsewhere, with broadcasting."""
    return torch.where(condition, x, y)
