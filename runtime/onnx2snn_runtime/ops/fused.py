"""Fused operators of com.microsoft, which onnxruntime's optimizer writes into models."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.activations import clip, gelu, hard_sigmoid, leaky_relu, swish
from onnx2snn_runtime.ops.conv import conv
from onnx2snn_runtime.ops.matmul import gemm

OPERATORS: Declared = {
    "BiasGelu FastGelu Gelu QuickGelu": {"domain": "com.microsoft", "elementwise": True},
    "FusedConv FusedGemm FusedMatMul": {"domain": "com.microsoft"},
}


_MS = "com.microsoft"


def activate(y: Tensor, name: str, parameters: list[float]) -> Tensor:
    """Return the activation `name` of y."""
    if name in ("Relu", "Tanh", "Sigmoid"):
        return {"Relu": torch.relu, "Tanh": torch.tanh, "Sigmoid": torch.sigmoid}[name](y)
    if name == "LeakyRelu":
        return leaky_relu(y, alpha=parameters[0] if parameters else 0.01)
    if name == "Clip":
        return clip(y, *parameters)
    if name == "HardSigmoid":
        alpha, beta = parameters or (0.2, 0.5)
        return hard_sigmoid(y, alpha=alpha, beta=beta)
    if name:
        raise UnsupportedError(f"a fused operator with activation={name!r} is not supported")
    return y


@operator("FusedConv", domain=_MS)
def fused_conv(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    z: Tensor | None = None,
    *,
    activation: str = "",
    activation_params: list[float] | None = None,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = f(w * x + b + z)."""
    y = conv(x, w, b, auto_pad=auto_pad, dilations=dilations, group=group, pads=pads, strides=strides)
    return activate(y if z is None else y + z, activation, list(activation_params or []))


@operator("FusedGemm", domain=_MS)
def fused_gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    activation: str = "",
    activation_alpha: float | None = None,
    activation_beta: float | None = None,
    activation_gamma: float | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Tensor:
    """y = f(alpha a' b' + beta c)."""
    parameters = [p for p in (activation_alpha, activation_beta, activation_gamma) if p is not None]
    return activate(gemm(a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB), activation, parameters)


def _turned(x: Tensor, trans: int, trans_batch: int) -> Tensor:
    """Return x with its first axis behind the batch axes where `trans_batch`, then its last two exchanged."""
    x = x.movedim(0, -2) if trans_batch else x
    return x.mT if trans else x


@operator("FusedMatMul", domain=_MS)
def fused_matmul(
    a: Tensor,
    b: Tensor,
    *,
    alpha: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    transBatchA: int = 0,
    transBatchB: int = 0,
) -> Tensor:
    """y = alpha a' b'."""
    return alpha * torch.matmul(_turned(a, transA, transBatchA), _turned(b, transB, transBatchB))


@operator("Gelu", domain=_MS)
def exact_gelu(x: Tensor) -> Tensor:
    """y = x Phi(x)."""
    return gelu(x)


@operator("BiasGelu", domain=_MS)
def bias_gelu(x: Tensor, bias: Tensor) -> Tensor:
    """y = Gelu(x + bias)."""
    return gelu(x + bias)


@operator("FastGelu", domain=_MS)
def fast_gelu(x: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = Gelu(x + bias) by way of tanh."""
    return gelu(x if bias is None else x + bias, approximate="tanh")


@operator("QuickGelu", domain=_MS)
def quick_gelu(x: Tensor, *, alpha: float = 1.702) -> Tensor:
    """y = x sigmoid(alpha x)."""
    return swish(x, alpha=alpha)
