"""Quantized operators of com.microsoft: the operands are dequantized, combined and quantized again."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.quantization import dequantize_linear, dynamic_quantize_linear, quantize_linear
from onnx2snn_runtime.ops.quantized_arithmetic import matmul_integer

OPERATORS: Declared = {
    "DynamicQuantizeMatMul MatMulIntegerToFloat QLinearAdd QLinearMul QLinearSigmoid": {"domain": "com.microsoft"},
}


_MS = "com.microsoft"


@operator("QLinearAdd", domain=_MS)
def qlinear_add(
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Tensor | None,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor | None,
    y_scale: Tensor,
    y_zero_point: Tensor | None = None,
) -> Tensor:
    """y = quantized a + b."""
    total = dequantize_linear(a, a_scale, a_zero_point) + dequantize_linear(b, b_scale, b_zero_point)
    return _quantized(total, y_scale, y_zero_point, a)


@operator("QLinearMul", domain=_MS)
def qlinear_mul(
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Tensor | None,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor | None,
    y_scale: Tensor,
    y_zero_point: Tensor | None = None,
) -> Tensor:
    """y = quantized a b."""
    product = dequantize_linear(a, a_scale, a_zero_point) * dequantize_linear(b, b_scale, b_zero_point)
    return _quantized(product, y_scale, y_zero_point, a)


def _quantized(y: Tensor, scale: Tensor, zero_point: Tensor | None, like: Tensor) -> Tensor:
    zero = torch.zeros((), dtype=like.dtype, device=like.device) if zero_point is None else zero_point
    return quantize_linear(y, scale, zero)


@operator("QLinearSigmoid", domain=_MS)
def qlinear_sigmoid(
    x: Tensor, x_scale: Tensor, x_zero_point: Tensor | None, y_scale: Tensor, y_zero_point: Tensor | None = None
) -> Tensor:
    """y = quantized sigmoid(x)."""
    return _quantized(torch.sigmoid(dequantize_linear(x, x_scale, x_zero_point)), y_scale, y_zero_point, x)


@operator("MatMulIntegerToFloat", domain=_MS)
def matmul_integer_to_float(
    a: Tensor,
    b: Tensor,
    a_scale: Tensor,
    b_scale: Tensor,
    a_zero_point: Tensor | None = None,
    b_zero_point: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """y = (a - a_zero_point) (b - b_zero_point) a_scale b_scale + bias."""
    y = matmul_integer(a, b, a_zero_point, b_zero_point).to(a_scale.dtype) * (a_scale * b_scale)
    return y if bias is None else y + bias


@operator("DynamicQuantizeMatMul", domain=_MS)
def dynamic_quantize_matmul(
    a: Tensor, b: Tensor, b_scale: Tensor, b_zero_point: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """y = a, quantized by its own range, times the quantized b, as floats."""
    quantized, scale, zero = dynamic_quantize_linear(a)
    return matmul_integer_to_float(quantized, b, scale, b_scale, zero, b_zero_point, bias)
