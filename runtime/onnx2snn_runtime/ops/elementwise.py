"""Elementwise arithmetic: functions of one operand, of two that broadcast, and of many."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator

OPERATORS: Declared = {
    "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cos Cosh Erf Exp HardSwish": {
        "elementwise": True
    },
    "Log Mish Mod Pow Reciprocal Relu Sign Sin Sinh Softplus Softsign Sqrt": {"elementwise": True},
    "Max Min": {"elementwise": True, "after_readout": True},
    "Tan Tanh": {"elementwise": True},
    "Add Sub": {"affine": "tt", "elementwise": True, "sums": True, "after_readout": True, "own_memory": True},
    "And Equal Greater GreaterOrEqual Less LessOrEqual Not Or Xor": {
        "elementwise": True,
        "discrete": True,
        "readout": True,
    },
    "Ceil Floor Round": {"elementwise": True, "rounds": True},
    "Div": {"affine": "fc", "elementwise": True, "after_readout": True, "own_memory": True},
    "Mean": {"affine": "t*", "elementwise": True},
    "Mul": {"affine": "ff", "elementwise": True, "after_readout": True, "own_memory": True},
    "Neg": {"affine": "t", "elementwise": True, "after_readout": True},
    "Sigmoid": {"elementwise": True, "readout": True},
    "Sum": {"affine": "t*", "elementwise": True, "sums": True},
}


Unary = Callable[[Tensor], Tensor]
Binary = Callable[[Tensor, Tensor], Tensor]
_WIDE = (torch.uint16, torch.uint32, torch.uint64)  # torch stores these types and hardly computes with them


def widen(x: Tensor) -> Tensor:
    """Return an unsigned integer wider than 8 bits as int64, any other tensor as it is."""
    if x.dtype == torch.uint64:
        raise UnsupportedError("uint64 arithmetic is not supported: cast the tensor to int64")
    return x.to(torch.int64) if x.dtype in _WIDE else x


def align(a: Tensor, b: Tensor, axis: int | None) -> Tensor:
    """Return b with trailing axes of size 1: its first axis meets axis `axis` of a (broadcasting before opset 7)."""
    if axis is None:
        return b
    return b.reshape(b.shape + (1,) * (a.ndim - axis % a.ndim - b.ndim))


def register_unary(name: str, function: Unary) -> None:
    """Register y = function(x) under `name`."""

    @operator(name)
    def handler(x: Tensor, *, consumed_inputs: list[int] | None = None) -> Tensor:
        return function(widen(x)).to(x.dtype)

    handler.__doc__ = f"y = {name}(x), elementwise."


def register_binary(name: str, function: Binary, *, keeps_type: bool = True) -> None:
    """Register y = function(a, b) under `name`, with the broadcasting of opset 7 and with the one before it."""

    @operator(name, since=7)
    def handler(a: Tensor, b: Tensor) -> Tensor:
        y = function(widen(a), widen(b))
        return y.to(a.dtype) if keeps_type else y

    @operator(name)
    def aligned(
        a: Tensor, b: Tensor, *, axis: int | None = None, broadcast: int = 0, consumed_inputs: list[int] | None = None
    ) -> Tensor:
        return handler(a, align(a, b, axis if broadcast else None))

    handler.__doc__ = aligned.__doc__ = f"y = {name}(a, b), elementwise with broadcasting."


def divide(a: Tensor, b: Tensor) -> Tensor:
    """Return a / b, truncated towards zero for integers; the processor dies of the least integer by -1: it wraps."""
    if a.dtype.is_floating_point:
        return torch.div(a, b)
    if not a.dtype.is_signed:
        return torch.div(a, b, rounding_mode="trunc")
    negates = b == -1
    return torch.where(negates, -a, torch.div(a, b.masked_fill(negates, 1), rounding_mode="trunc"))


def power(x: Tensor, y: Tensor) -> Tensor:
    """Return x ** y, computed in the wider of the two types."""
    dtype = torch.promote_types(x.dtype, y.dtype) if y.dtype.is_floating_point else x.dtype
    return torch.pow(x.to(dtype), y.to(dtype) if x.dtype.is_floating_point else y)


def _sign(x: Tensor) -> Tensor:
    return torch.where(torch.isnan(x), x, torch.sign(x)) if x.dtype.is_floating_point else torch.sign(x)


_UNARY: dict[str, Unary] = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Acosh": torch.acosh,
    "Asin": torch.asin,
    "Asinh": torch.asinh,
    "Atan": torch.atan,
    "Atanh": torch.atanh,
    "Ceil": torch.ceil,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "Floor": torch.floor,
    "Log": torch.log,
    "Neg": torch.neg,
    "Reciprocal": torch.reciprocal,
    "Round": torch.round,
    "Sign": _sign,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
}

_BINARY: dict[str, Binary] = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": divide, "Pow": power}

for _name, _unary in _UNARY.items():
    register_unary(_name, _unary)

for _name, _binary in _BINARY.items():
    register_binary(_name, _binary)


@operator("Mod")
def mod(a: Tensor, b: Tensor, *, fmod: int = 0) -> Tensor:
    """y = a - b floor(a / b), with the sign of b; with `fmod` the remainder of C, with the sign of a."""
    remainder = torch.fmod if fmod else torch.remainder
    return remainder(widen(a), widen(b)).to(a.dtype)


def _maximum(a: Tensor, b: Tensor) -> Tensor:
    return torch.maximum(widen(a), widen(b))


def _minimum(a: Tensor, b: Tensor) -> Tensor:
    return torch.minimum(widen(a), widen(b))


@operator("Max")
def maximum(*data: Tensor, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = the largest of the operands, elementwise with broadcasting."""
    return functools.reduce(_maximum, data).to(data[0].dtype)


@operator("Min")
def minimum(*data: Tensor, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = the smallest of the operands, elementwise with broadcasting."""
    return functools.reduce(_minimum, data).to(data[0].dtype)


@operator("Sum")
def total(*data: Tensor, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = the sum of the operands, with broadcasting."""
    return functools.reduce(torch.add, data)


@operator("Mean")
def mean(*data: Tensor, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = the sum of the operands over their number, with broadcasting."""
    return functools.reduce(torch.add, data) / len(data)
