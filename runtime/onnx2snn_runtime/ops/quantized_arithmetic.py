"""Arithmetic on quantized tensors: the integers are multiplied exactly, as float64."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.conv import conv as convolve
from onnx2snn_runtime.ops.quantization import to_integer

OPERATORS: Declared = {
    "ConvInteger MatMulInteger QLinearConv QLinearMatMul": {"learned": True},
}


def _centred(x: Tensor, zero: Tensor | None, along: int) -> Tensor:
    """Return x - zero as float64; a zero point of several entries goes along axis `along` of x."""
    if zero is None:
        return x.double()
    wide = zero.double()
    return x.double() - (wide.reshape(()) if zero.numel() == 1 else _along(wide, x.ndim, along))


def _along(v: Tensor, rank: int, axis: int) -> Tensor:
    if v.ndim != 1:
        return v
    return v.reshape([-1 if i == axis % rank else 1 for i in range(rank)]) if v.numel() > 1 else v.reshape(())


@operator("MatMulInteger")
def matmul_integer(
    a: Tensor, b: Tensor, a_zero_point: Tensor | None = None, b_zero_point: Tensor | None = None
) -> Tensor:
    """y = (a - a_zero_point) (b - b_zero_point) as int32; zero points by row of a, by column of b."""
    return torch.matmul(_centred(a, a_zero_point, -2), _centred(b, b_zero_point, -1)).to(torch.int32)


@operator("QLinearMatMul")
def qlinear_matmul(
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
) -> Tensor:
    """y = round((a - a_zero_point) (b - b_zero_point) a_scale b_scale / y_scale) + y_zero_point."""
    product = torch.matmul(_centred(a, a_zero_point, -2), _centred(b, b_zero_point, -1))
    rank = product.ndim
    factor = (
        _along(a_scale.double(), rank, -2) * _along(b_scale.double(), rank, -1) / _along(y_scale.double(), rank, -2)
    )
    return to_integer(torch.round(product * factor) + _along(y_zero_point.double(), rank, -2), y_zero_point.dtype)


@operator("ConvInteger")
def conv_integer(
    x: Tensor,
    w: Tensor,
    x_zero_point: Tensor | None = None,
    w_zero_point: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = (w - w_zero_point) * (x - x_zero_point) as int32; pads hold the zero point."""
    y = convolve(
        _centred(x, x_zero_point, 1),
        _centred(w, w_zero_point, 0),
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        pads=pads,
        strides=strides,
    )
    return y.to(torch.int32)


@operator("QLinearConv")
def qlinear_conv(
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero_point: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
    b: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = round(((w - w_zero_point) * (x - x_zero_point) + b) x_scale w_scale / y_scale) + y_zero_point."""
    y = convolve(
        _centred(x, x_zero_point, 1),
        _centred(w, w_zero_point, 0),
        None if b is None else b.double(),
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        pads=pads,
        strides=strides,
    )
    factor = x_scale.double() * _along(w_scale.double(), y.ndim, 1) / y_scale.double()
    return to_integer(torch.round(y * factor) + y_zero_point.double(), y_zero_point.dtype)
