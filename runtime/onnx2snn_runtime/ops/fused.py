"""Fused operators of com.microsoft, which onnxruntime's optimizer writes into models."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import operator
from onnx2snn_runtime.ops.activations import clip, gelu, hard_sigmoid, leaky_relu, swish
from onnx2snn_runtime.ops.conv import conv
from onnx2snn_runtime.ops.matmul import gemm
from onnx2snn_runtime.ops.normalization import layer_normalization, rms_normalization

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


@operator("LayerNormalization", domain=_MS)
def contributed_layer_normalization(
    x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """LayerNormalization, as older versions of onnxruntime wrote it."""
    return layer_normalization(x, scale, bias, axis=axis, epsilon=epsilon, stash_type=stash_type)


@operator("SimplifiedLayerNormalization")
@operator("SimplifiedLayerNormalization", domain=_MS)
def simplified_layer_normalization(
    x: Tensor, scale: Tensor, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    """y = scale x / sqrt(mean(x^2) + epsilon); onnxruntime keeps it in the domain of ONNX too."""
    return rms_normalization(x, scale, axis=axis, epsilon=epsilon, stash_type=stash_type)


@operator("SkipLayerNormalization", domain=_MS)
def skip_layer_normalization(
    x: Tensor,
    skip: Tensor,
    gamma: Tensor,
    beta: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    epsilon: float = 1e-12,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(y, mean, 1 / deviation, sum) with sum = x + skip + bias and y its LayerNormalization."""
    total = x + skip if bias is None else x + skip + bias
    return *layer_normalization(total, gamma, beta, epsilon=epsilon), total


@operator("SkipSimplifiedLayerNormalization", domain=_MS)
def skip_simplified_layer_normalization(
    x: Tensor, skip: Tensor, gamma: Tensor, bias: Tensor | None = None, *, epsilon: float = 1e-12
) -> tuple[Tensor, None, None, Tensor]:
    """(y, -, -, sum) with sum = x + skip + bias and y its RMSNormalization."""
    total = x + skip if bias is None else x + skip + bias
    return rms_normalization(total, gamma, epsilon=epsilon), None, None, total


@operator("EmbedLayerNormalization", domain=_MS)
def embed_layer_normalization(
    input_ids: Tensor,
    segment_ids: Tensor | None,
    word_embedding: Tensor,
    position_embedding: Tensor,
    segment_embedding: Tensor | None,
    gamma: Tensor,
    beta: Tensor,
    mask: Tensor | None = None,
    position_ids: Tensor | None = None,
    *,
    epsilon: float = 1e-12,
    mask_index_type: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:
    """(y, kept tokens, sum) with sum = the word, position and segment embeddings and y its LayerNormalization."""
    place = torch.arange(input_ids.shape[1], device=input_ids.device) if position_ids is None else position_ids
    total = word_embedding[input_ids] + position_embedding[place]
    if segment_ids is not None and segment_embedding is not None:
        total = total + segment_embedding[segment_ids]
    y = layer_normalization(total, gamma, beta, epsilon=epsilon)[0]
    kept = torch.zeros_like(input_ids[:, 0]) if mask is None else mask.sum(1)
    return y, kept.to(torch.int32), total
