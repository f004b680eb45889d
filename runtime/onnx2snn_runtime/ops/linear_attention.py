"""Attention with a recurrent state, and the convolution before it."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.attention import heads

OPERATORS: Declared = {
    "CausalConvWithState LinearAttention": {},
}


_RULES = ("linear", "gated", "delta", "gated_delta")


@operator("LinearAttention")
def linear_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_state: Tensor | None = None,
    decay: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    chunk_size: int = 64,
    kv_num_heads: int,
    q_num_heads: int,
    scale: float = 0.0,
    update_rule: str = "gated_delta",
) -> tuple[Tensor, Tensor]:
    """(o, S): S_t = e^g S_{t-1} + b k_t (v_t - e^g S_{t-1}' k_t)', o_t = scale S_t' q_t; inputs are (B, T, heads D)."""
    if update_rule not in _RULES:
        raise UnsupportedError(f"LinearAttention with update_rule={update_rule!r} is not supported")
    dtype, wide = query.dtype, torch.promote_types(query.dtype, torch.float32)
    q, k, v = (heads(x.to(wide), n) for x, n in ((query, q_num_heads), (key, kv_num_heads), (value, kv_num_heads)))
    batch, steps = query.shape[:2]
    factor = scale or 1 / math.sqrt(q.shape[-1])
    gate = None if decay is None or "gated" not in update_rule else heads(decay.to(wide), kv_num_heads).exp()
    rate = None if beta is None else beta.to(wide).transpose(1, 2).unsqueeze(-1)
    state = q.new_zeros((batch, kv_num_heads, k.shape[-1], v.shape[-1])) if past_state is None else past_state.to(wide)
    outputs = []
    for t in range(steps):
        if gate is not None:
            state = state * gate[:, :, t].unsqueeze(-1)
        new = v[:, :, t]
        if rate is not None and "delta" in update_rule:
            new = rate[:, :, t] * (new - (state * k[:, :, t].unsqueeze(-1)).sum(-2))
        state = state + k[:, :, t].unsqueeze(-1) * new.unsqueeze(-2)
        shared = state.repeat_interleave(q_num_heads // kv_num_heads, 1)
        outputs.append(factor * (shared * q[:, :, t].unsqueeze(-1)).sum(-2))
    return torch.stack(outputs, 1).flatten(2).to(dtype), state.to(dtype)


@operator("CausalConvWithState")
def causal_conv_with_state(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    past_state: Tensor | None = None,
    *,
    activation: str = "none",
) -> tuple[Tensor, Tensor]:
    """(y, state): each channel of x (B, C, T) convolved with weight (C, 1, K) over the present and K - 1 past steps."""
    if activation not in ("none", "silu", "swish"):
        raise UnsupportedError(f"CausalConvWithState with activation={activation!r} is not supported")
    past = weight.shape[2] - 1
    before = x.new_zeros((*x.shape[:2], past)) if past_state is None else past_state
    joined = torch.cat([before, x], 2)
    y = F.conv1d(joined, weight, bias, groups=x.shape[1])
    state = joined.narrow(2, joined.shape[2] - past, past)
    return (y if activation == "none" else F.silu(y)), state
