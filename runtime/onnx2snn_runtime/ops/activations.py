"""Elementwise activation functions with their parameters."""

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.elementwise import register_unary

OPERATORS: Declared = {
    "Clip": {"elementwise": True, "after_readout": True},
    "Celu Elu Gelu HardSigmoid LeakyRelu Selu Shrink Swish ThresholdedRelu": {"elementwise": True},
    "PRelu": {"learned": True, "elementwise": True},
    "SwiGLU": {},
}


def softplus(x: Tensor) -> Tensor:
    """Return ln(1 + e^x), exact where torch's own turns linear."""
    return torch.logaddexp(x, torch.zeros_like(x))


register_unary("Relu", torch.relu)
register_unary("Sigmoid", torch.sigmoid)
register_unary("Tanh", torch.tanh)
register_unary("Softplus", softplus)
register_unary("Softsign", F.softsign)
register_unary("Mish", F.mish)
register_unary("HardSwish", F.hardswish)


@operator("Clip")
def clip(
    x: Tensor,
    min: Tensor | float | None = None,
    max: Tensor | float | None = None,
    *,
    consumed_inputs: list[int] | None = None,
) -> Tensor:
    """y = min(max(x, min), max); before opset 11 the bounds are attributes."""
    y = x if min is None else torch.clamp(x, min=min)
    return y if max is None else torch.clamp(y, max=max)


@operator("LeakyRelu")
def leaky_relu(x: Tensor, *, alpha: float = 0.01, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = x for x >= 0, alpha x below."""
    return F.leaky_relu(x, alpha)


@operator("PRelu", since=7)
def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """y = x for x >= 0, slope x below; `slope` broadcasts to x."""
    return torch.where(x >= 0, x, slope * x)


@operator("PRelu")
def prelu_by_channel(x: Tensor, slope: Tensor, *, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = x for x >= 0, slope x below; `slope` (C,) or (1,) goes along axis 1."""
    return prelu(x, slope.reshape((-1,) + (1,) * (x.ndim - 2)))


@operator("Elu")
def elu(x: Tensor, *, alpha: float = 1.0, consumed_inputs: list[int] | None = None) -> Tensor:
    """y = x for x >= 0, alpha (e^x - 1) below."""
    return F.elu(x, alpha)


@operator("Selu", since=6)
def selu(x: Tensor, *, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Tensor:
    """y = gamma x for x > 0, gamma alpha (e^x - 1) otherwise."""
    return gamma * elu(x, alpha=alpha)


@operator("Selu")
def selu_short_constants(
    x: Tensor, *, alpha: float = 1.6732, gamma: float = 1.0507, consumed_inputs: list[int] | None = None
) -> Tensor:
    """Selu, with the default constants of opset 1."""
    return selu(x, alpha=alpha, gamma=gamma)


@operator("Celu")
def celu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """y = max(0, x) + min(0, alpha (e^(x / alpha) - 1))."""
    return F.celu(x, alpha)


@operator("Gelu")
def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """y = x Phi(x); with approximate="tanh" by 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""
    return F.gelu(x, approximate=approximate)


@operator("HardSigmoid")
def hard_sigmoid(
    x: Tensor, *, alpha: float = 0.2, beta: float = 0.5, consumed_inputs: list[int] | None = None
) -> Tensor:
    """y = max(0, min(1, alpha x + beta))."""
    return (alpha * x + beta).clamp(0, 1)


@operator("Swish")
def swish(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """y = x sigmoid(alpha x)."""
    return F.silu(x) if alpha == 1 else x * torch.sigmoid(alpha * x)


@operator("SwiGLU")
def swiglu(a: Tensor, b: Tensor, *, alpha: float = 1.0) -> Tensor:
    """y = a sigmoid(alpha a) b."""
    return swish(a, alpha=alpha) * b


@operator("ThresholdedRelu")
def thresholded_relu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """y = x for x > alpha, else 0."""
    return F.threshold(x, alpha, 0.0)


@operator("Shrink")
def shrink(x: Tensor, *, bias: float = 0.0, lambd: float = 0.5) -> Tensor:
    """y = x + bias for x < -lambd, x - bias for x > lambd, else 0."""
    y = torch.where(x > lambd, x - bias, torch.zeros_like(x))
    return torch.where(x < -lambd, x + bias, y).to(x.dtype)
