"""Pools over sliding windows and over whole planes: largest, mean and p-norm."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.conv import Geometry, geometry, pad_window, slide

OPERATORS: Declared = {
    "AveragePool GlobalAveragePool": {"affine": "t", "batched": True},
    "GlobalLpPool GlobalMaxPool LpPool MaxPool": {"batched": True},
}


_MAX: dict[int, Callable[..., Tensor]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN: dict[int, Callable[..., Tensor]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def lowest(dtype: torch.dtype) -> float:
    """Return the lowest value of a type, -inf for floats."""
    return float("-inf") if dtype.is_floating_point else torch.iinfo(dtype).min


def _mean_windows(x: Tensor, g: Geometry) -> Tensor:
    """Return the mean over each window of a padded x."""
    rank = len(g.kernel)
    if rank in _MEAN and max(g.dilations) == 1:
        wide = x.float() if rank == 3 and x.element_size() < 4 else x  # torch's pool of volumes knows no half floats
        return _MEAN[rank](wide, g.kernel, g.strides).to(x.dtype)
    return slide(x, g).mean(dim=tuple(range(-rank, 0)))


@operator("MaxPool")
def max_pool(
    x: Tensor,
    *,
    kernel_shape: list[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: list[int] | None = None,
    pads: list[int] | None = None,
    storage_order: int = 0,
    strides: list[int] | None = None,
    outputs: int = 1,
) -> Tensor | tuple[Tensor, Tensor]:
    """y = the largest value of each window; the second output holds its index in the flattened x (N, C, *spatial)."""
    g = geometry(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    rank = len(kernel_shape)
    padded = pad_window(x, g, lowest(x.dtype))
    if outputs > 1:
        windows = slide(padded, g).flatten(-rank)
        value, index = windows.max(-1)
        return value, _plane_index(x, g, index, storage_order)
    if x.dtype.is_floating_point and rank in _MAX:
        return _MAX[rank](padded, g.kernel, g.strides, 0, g.dilations)
    return slide(padded, g).amax(tuple(range(-rank, 0)))


def _plane_index(x: Tensor, g: Geometry, index: Tensor, storage_order: int) -> Tensor:
    """Return indices within windows, (N, C, *output), as indices into the flattened x."""
    rank, size = len(g.kernel), x.shape[2:]
    flat = torch.zeros_like(index)
    for i in range(rank) if not storage_order else reversed(range(rank)):
        later = 1
        for k in g.kernel[i + 1 :]:
            later *= k
        start = torch.arange(index.shape[2 + i], device=x.device) * g.strides[i] - g.begin[i]
        inside = torch.div(index, later, rounding_mode="floor") % g.kernel[i] * g.dilations[i]
        flat = flat * size[i] + start.reshape(-1, *[1] * (rank - 1 - i)) + inside
    planes = torch.arange(x.shape[0] * x.shape[1], device=x.device).reshape(x.shape[0], x.shape[1], *[1] * rank)
    return flat + planes * size.numel()


@operator("AveragePool")
def average_pool(
    x: Tensor,
    *,
    kernel_shape: list[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = the mean of each window, over what lies inside x, or inside the pads too with `count_include_pad`."""
    g = geometry(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    y = _mean_windows(pad_window(x, g, 0), g)
    if not g.padded or (count_include_pad and not any(g.overhang)):
        return y
    ones = x.new_ones((1, 1, *x.shape[2:]))
    inner = Geometry(g.kernel, g.strides, g.dilations, g.begin, g.end, [0] * len(g.kernel))
    outer = Geometry(g.kernel, g.strides, g.dilations, [0] * len(g.kernel), [0] * len(g.kernel), g.overhang)
    ones = pad_window(ones, inner, 1 if count_include_pad else 0)
    return y / _mean_windows(pad_window(ones, outer, 0), g)


@operator("LpPool")
def lp_pool(
    x: Tensor,
    *,
    kernel_shape: list[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: list[int] | None = None,
    p: float = 2,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = (sum |x|^p)^(1 / p) over each window."""
    g = geometry(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    taps = 1
    for k in kernel_shape:
        taps *= k
    return (_mean_windows(pad_window(x.abs() ** p, g, 0), g) * taps) ** (1 / p)


def _plane(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


@operator("GlobalAveragePool")
def global_average_pool(x: Tensor) -> Tensor:
    """y = the mean of each plane, (N, C, *spatial) -> (N, C, 1, ...)."""
    return x.mean(_plane(x), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(x: Tensor) -> Tensor:
    """y = the largest value of each plane, (N, C, *spatial) -> (N, C, 1, ...)."""
    return x.amax(_plane(x), keepdim=True)


@operator("GlobalLpPool")
def global_lp_pool(x: Tensor, *, p: float = 2) -> Tensor:
    """y = (sum |x|^p)^(1 / p) of each plane, (N, C, *spatial) -> (N, C, 1, ...)."""
    return (x.abs() ** p).sum(_plane(x), keepdim=True) ** (1 / p)
