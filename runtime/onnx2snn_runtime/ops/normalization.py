"""Normalizations: by running statistics, over channels, groups, instances and layers."""

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.cast import torch_dtype

OPERATORS: Declared = {
    "BatchNormalization": {"affine": "ffttc", "affine_if": {"training_mode": (0,)}, "learned": True, "batched": True},
    "GroupNormalization": {"learned": True, "batched": True, "since": 18},
    "InstanceNormalization": {"learned": True, "batched": True},
    "LRN": {"batched": True},
    "LayerNormalization RMSNormalization": {"learned": True, "along_axis": True},
    "LpNormalization MeanVarianceNormalization": {},
}


def by_channel(v: Tensor, x: Tensor) -> Tensor:
    """Return v (C,) shaped so that it goes along axis 1 of x."""
    return v.reshape((-1,) + (1,) * (x.ndim - 2))


def _wide(x: Tensor, stash: torch.dtype) -> Tensor:
    """Return x in the type that statistics are kept in, and never in a narrower one than its own."""
    return x.to(torch.promote_types(x.dtype, stash))


@operator("BatchNormalization")
def batch_normalization(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
    spatial: int = 1,
    is_test: int = 0,
    consumed_inputs: list[int] | None = None,
) -> Tensor | tuple[Tensor, Tensor, Tensor]:
    """y = scale (x - mean) / sqrt(var + epsilon) + bias by channel; by element unless `spatial`."""
    if not spatial:
        factor = scale * torch.rsqrt(var + epsilon)
        return (x * factor + (bias - mean * factor)).to(x.dtype)
    if training_mode:
        axes = (0, *range(2, x.ndim))
        batch_mean, batch_var = x.mean(axes), x.var(axes, correction=0)
        y = _by_statistics(x, scale, bias, batch_mean, batch_var, epsilon)
        return y, mean * momentum + batch_mean * (1 - momentum), var * momentum + batch_var * (1 - momentum)
    return _by_statistics(x, scale, bias, mean, var, epsilon)


def _by_statistics(x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, epsilon: float) -> Tensor:
    dtype = torch.promote_types(x.dtype, mean.dtype)
    factor = scale.to(dtype) * torch.rsqrt(var.to(dtype) + epsilon)
    offset = bias.to(dtype) - mean.to(dtype) * factor
    return (x * by_channel(factor, x) + by_channel(offset, x)).to(x.dtype)


@operator("InstanceNormalization")
def instance_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5, consumed_inputs: list[int] | None = None
) -> Tensor:
    """y = scale (x - mean) / sqrt(variance + epsilon) + bias over each plane of x (N, C, *spatial)."""
    y = torch.group_norm(x, x.shape[1], None, None, epsilon)
    return y * by_channel(scale, x) + by_channel(bias, x)


def _grouped(x: Tensor, num_groups: int, epsilon: float, stash_type: int) -> Tensor:
    return torch.group_norm(
        _wide(x, torch_dtype(stash_type, "GroupNormalization")), num_groups, None, None, epsilon
    ).to(x.dtype)


@operator("GroupNormalization", since=21)
def group_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, num_groups: int, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    """y = scale (x - mean) / sqrt(variance + epsilon) + bias over groups of channels; scale and bias by channel."""
    y = _grouped(x, num_groups, epsilon, stash_type)
    return y * by_channel(scale, x) + by_channel(bias, x)


@operator("GroupNormalization", since=18)
def group_normalization_by_group(
    x: Tensor, scale: Tensor, bias: Tensor, *, num_groups: int, epsilon: float = 1e-5
) -> Tensor:
    """GroupNormalization of opset 18, whose scale and bias have one entry a group."""
    each = x.shape[1] // num_groups
    scale, bias = scale.repeat_interleave(each), bias.repeat_interleave(each)
    return group_normalization(x, scale, bias, num_groups=num_groups, epsilon=epsilon)


@operator("LayerNormalization")
def layer_normalization(
    x: Tensor,
    scale: Tensor,
    bias: Tensor | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:
    """(y, mean, 1 / deviation), y = scale (x - mean) / sqrt(variance + epsilon) + bias over the axes from `axis` on."""
    stash = torch_dtype(stash_type, "LayerNormalization")
    wide, shape = _wide(x, stash), x.shape[axis % x.ndim :]
    if wide.dtype == scale.dtype and scale.shape == shape and (bias is None or bias.shape == shape):  # in one pass
        y, mean, inverse = torch.native_layer_norm(wide, shape, scale, bias, epsilon)
        return y.to(x.dtype), mean.to(stash), inverse.to(stash)
    y, mean, inverse = torch.native_layer_norm(wide, shape, None, None, epsilon)
    y = y.to(x.dtype) * scale
    return (y if bias is None else y + bias), mean.to(stash), inverse.to(stash)


@operator("RMSNormalization")
def rms_normalization(
    x: Tensor, scale: Tensor, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    """y = scale x / sqrt(mean(x^2) + epsilon) over the axes from `axis` on."""
    wide = _wide(x, torch_dtype(stash_type, "RMSNormalization"))
    y = F.rms_norm(wide, x.shape[axis % x.ndim :], None, epsilon)
    return y.to(scale.dtype) * scale


@operator("MeanVarianceNormalization")
def mean_variance_normalization(x: Tensor, *, axes: list[int] | None = None) -> Tensor:
    """y = (x - mean) / (deviation + 1e-9) over `axes`."""
    over = tuple(axes) if axes is not None else (0, 2, 3)
    centred = x - x.mean(over, keepdim=True)
    return centred / ((centred * centred).mean(over, keepdim=True).sqrt() + 1e-9)


@operator("LpNormalization")
def lp_normalization(x: Tensor, *, axis: int = -1, p: int = 2) -> Tensor:
    """y = x / |x|_p along `axis`, 0 where the norm is 0."""
    if p not in (1, 2):
        raise UnsupportedError(f"LpNormalization with p={p} is not supported: only 1 and 2 are defined")
    norm = x.abs().sum(axis, keepdim=True) if p == 1 else (x * x).sum(axis, keepdim=True).sqrt()
    return torch.where(norm == 0, torch.zeros_like(x), x / torch.where(norm == 0, torch.ones_like(norm), norm))


@operator("LRN")
def lrn(x: Tensor, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0) -> Tensor:
    """y = x / (bias + alpha / size sum of x^2 over `size` neighbouring channels)^beta."""
    before = (size - 1) // 2
    squares = F.pad(x * x, [0, 0] * (x.ndim - 2) + [before, size - 1 - before])
    return x / (bias + alpha / size * squares.unfold(1, size, 1).sum(-1)) ** beta
