"""Quantization and dequantization."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.cast import convert, is_float8, torch_dtype

OPERATORS: Declared = {
    "DequantizeLinear": {"elementwise": True, "along_axis": True},
    "DynamicQuantizeLinear": {},
    "QuantizeLinear": {"elementwise": True, "along_axis": True, "rounds": True},
}


def spread(v: Tensor, x: Tensor, axis: int, block_size: int) -> Tensor:
    """Return a scale or zero point shaped to broadcast to x: one number, one an entry of `axis`, or one a block."""
    if v.numel() == 1:
        return v.reshape(())
    if v.ndim == 1:
        return v.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    if not block_size:
        raise UnsupportedError("QuantizeLinear and DequantizeLinear with block_size=0 need a scale of at most one axis")
    return v.repeat_interleave(block_size, axis).narrow(axis, 0, x.shape[axis])


def to_integer(y: Tensor, dtype: torch.dtype) -> Tensor:
    """Return rounded numbers as `dtype`, clamped to its range."""
    info = torch.iinfo(dtype)
    return y.clamp(info.min, info.max).to(dtype)


def _wide(x: Tensor) -> Tensor:
    return x.float() if is_float8(x.dtype) else x.to(torch.int32) if not x.dtype.is_floating_point else x


@operator("QuantizeLinear")
def quantize_linear(
    x: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Tensor:
    """y = saturate(round(x / y_scale) + y_zero_point), rounded half to even."""
    dtype = torch.uint8 if not output_dtype else torch_dtype(output_dtype, "QuantizeLinear")
    dtype = dtype if y_zero_point is None else y_zero_point.dtype
    scale = spread(y_scale, x, axis, block_size)
    wide = torch_dtype(precision, "QuantizeLinear") if precision else scale.dtype
    y = x.to(wide) / scale.to(wide)
    zero = None if y_zero_point is None else spread(_wide(y_zero_point), x, axis, block_size)
    if is_float8(dtype):
        return convert(y if zero is None else y + zero, dtype, saturate)
    y = torch.round(y.to(torch.promote_types(wide, torch.float32)))
    return to_integer(y if zero is None else y + zero, dtype)


@operator("DequantizeLinear")
def dequantize_linear(
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Tensor:
    """y = (x - x_zero_point) x_scale."""
    dtype = torch_dtype(output_dtype, "DequantizeLinear") if output_dtype else x_scale.dtype
    y = _wide(x)
    if x_zero_point is not None:
        y = y - spread(_wide(x_zero_point), x, axis, block_size)
    return (y.to(x_scale.dtype) * spread(x_scale, x, axis, block_size)).to(dtype)


@operator("DynamicQuantizeLinear")
def dynamic_quantize_linear(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(y, scale, zero point) of x as uint8, over a range that holds 0 and all of x."""
    low, high = x.amin().clamp(max=0), x.amax().clamp(min=0)
    scale = (high - low) / 255
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    zero = to_integer(torch.round(-low / scale), torch.uint8)
    return quantize_linear(x, scale, zero), scale, zero
