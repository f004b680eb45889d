"""Scaled dot product attention and rotary embeddings."""

import math

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.cast import torch_dtype

OPERATORS: Declared = {
    "Attention": {},
    "RotaryEmbedding": {"affine": "tccc"},
}


def heads(x: Tensor, count: int | None) -> Tensor:
    """Return x (B, T, count D) as (B, count, T, D); a 4-D x as it is."""
    if x.ndim == 4:
        return x
    if not count:
        raise UnsupportedError("Attention with inputs of 3 axes needs q_num_heads and kv_num_heads")
    return x.reshape(x.shape[0], x.shape[1], count, -1).transpose(1, 2)


def attention_bias(
    mask: Tensor | None,
    q: Tensor,
    keys: int,
    offset: Tensor | int,
    causal: int,
    window: tuple[int, int],
    valid: Tensor | None,
) -> Tensor:
    """Return what is added to the scores (..., T, keys): 0, -inf or the mask; the first query is at `offset`."""
    steps = q.shape[2]
    place = torch.arange(steps, device=q.device).reshape(-1, 1) + offset
    key = torch.arange(keys, device=q.device)
    allowed = torch.ones((steps, keys), dtype=torch.bool, device=q.device)
    if causal:
        allowed = allowed & (key <= place)
    if window[0] >= 0:
        allowed = allowed & (key >= place - window[0])
    if window[1] >= 0:
        allowed = allowed & (key <= place + window[1])
    if valid is not None:
        allowed = allowed & (key < valid)
    forbidden = torch.full((), float("-inf"), dtype=q.dtype, device=q.device)
    bias = torch.where(allowed, torch.zeros_like(forbidden), forbidden)
    if mask is None:
        return bias
    if mask.dtype == torch.bool:
        mask = torch.where(mask, torch.zeros_like(forbidden), forbidden)
    if mask.shape[-1] < keys:
        mask = torch.nn.functional.pad(mask, [0, keys - mask.shape[-1]], value=float("-inf"))
    return bias + mask


def masked_softmax(scores: Tensor) -> Tensor:
    """Return the softmax over the last axis, with zeros where a whole row is -inf."""
    peak = scores.amax(-1, keepdim=True)
    return torch.where(torch.isneginf(peak), torch.zeros_like(scores), torch.softmax(scores, -1))


def _stages(
    q: Tensor, k: Tensor, bias: Tensor, scale: float | None, softcap: float, precision: int | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the scores as products, capped, with the bias added, and as weights."""
    root = math.sqrt(1 / math.sqrt(q.shape[3]) if scale is None else scale)
    wide = torch_dtype(precision, "Attention") if precision else torch.promote_types(q.dtype, torch.float32)
    products = torch.matmul(q * root, k.mT * root)
    capped = softcap * torch.tanh(products / softcap) if softcap else products
    biased = capped + bias
    return products, capped, biased, masked_softmax(biased.to(wide)).to(q.dtype)


@operator("Attention")
def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    nonpad_kv_seqlen: Tensor | None = None,
    *,
    is_causal: int = 0,
    kv_num_heads: int | None = None,
    left_window_size: int = -1,
    q_num_heads: int | None = None,
    qk_matmul_output_mode: int = 0,
    right_window_size: int = -1,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(softmax(scale q k' + mask) v, keys, values, scores); (B, heads, T, D), or (B, T, heads D) with their numbers."""
    flat = q.ndim == 3
    q, k, v = heads(q, q_num_heads), heads(k, kv_num_heads), heads(v, kv_num_heads)
    if past_key is not None and past_value is not None:
        k, v = torch.cat([past_key, k], 2), torch.cat([past_value, v], 2)
    offset: Tensor | int = 0 if past_key is None else past_key.shape[2]
    valid = None if nonpad_kv_seqlen is None else nonpad_kv_seqlen.reshape(-1, 1, 1, 1)
    if valid is not None and past_key is None:
        offset = valid - q.shape[2]
    window = (left_window_size, right_window_size)
    bias = attention_bias(attn_mask, q, k.shape[2], offset, is_causal, window, valid)
    repeats = q.shape[1] // k.shape[1]
    keys, values = (k, v) if repeats == 1 else (k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1))
    stages = _stages(q, keys, bias, scale, softcap, softmax_precision)
    y = torch.matmul(stages[3], values)
    if flat:
        y = y.transpose(1, 2).flatten(2)
    return y, k, v, stages[qk_matmul_output_mode]


@operator("RotaryEmbedding")
def rotary_embedding(
    x: Tensor,
    cos_cache: Tensor,
    sin_cache: Tensor,
    position_ids: Tensor | None = None,
    *,
    interleaved: int = 0,
    num_heads: int | None = None,
    rotary_embedding_dim: int = 0,
) -> Tensor:
    """y = x with pairs of its features turned by the angle of their position; (B, heads, T, D) or (B, T, heads D)."""
    each = heads(x, num_heads)
    turned = rotary_embedding_dim or each.shape[-1]
    if position_ids is not None:
        cos_cache, sin_cache = cos_cache[position_ids], sin_cache[position_ids]
    cos, sin = cos_cache.unsqueeze(1), sin_cache.unsqueeze(1)
    moved, rest = each[..., :turned], each[..., turned:]
    a, b = (moved[..., 0::2], moved[..., 1::2]) if interleaved else moved.chunk(2, -1)
    parts = [cos * a - sin * b, sin * a + cos * b]
    y = torch.stack(parts, -1).flatten(-2) if interleaved else torch.cat(parts, -1)
    y = torch.cat([y, rest], -1)
    return y if x.ndim == 4 else y.transpose(1, 2).reshape(x.shape)
