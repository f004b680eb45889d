"""Normalizations of com.microsoft, which onnxruntime's optimizer writes into transformers."""

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.normalization import layer_normalization, rms_normalization

OPERATORS: Declared = {
    "SimplifiedLayerNormalization": {},
    "EmbedLayerNormalization SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization": {
        "domain": "com.microsoft"
    },
    "LayerNormalization": {"domain": "com.microsoft", "along_axis": True},
}


_MS = "com.microsoft"


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
