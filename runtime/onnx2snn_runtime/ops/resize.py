"""Resize and Upsample: along each axis an output element is a weighted sum of a few input elements."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError

_ROUNDINGS = {
    "round_prefer_floor": lambda x: torch.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: torch.floor(x + 0.5),
    "floor": torch.floor,
    "ceil": torch.ceil,
}


@dataclass(frozen=True)
class Sampling:
    """How positions of the output are mapped to the input, and how the input is read between its elements."""

    mode: str
    transformation: str
    nearest_mode: str = "round_prefer_floor"
    cubic_a: float = -0.75
    exclude_outside: bool = False
    antialias: bool = False


def _positions(how: Sampling, n_in: int, n_out: int, scale: float, roi: tuple[float, float]) -> Tensor:
    """Return the position in the input axis of each output element, (n_out,), in double precision.

    Computed in float32, as onnxruntime does: which element is nearest at a tie depends on its rounding. The length that
    corners are aligned to is the whole number of elements, as in onnxruntime, in PyTorch and in the text of the
    standard; its reference implementation takes scale * n_in there.
    """
    i, factor = torch.arange(n_out, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32)
    return _moved(how, i, n_in, n_out, factor, roi).double()


def _moved(how: Sampling, i: Tensor, n_in: int, n_out: int, scale: Tensor, roi: tuple[float, float]) -> Tensor:
    if how.transformation == "half_pixel":
        return (i + 0.5) / scale - 0.5
    if how.transformation == "pytorch_half_pixel":
        return (i + 0.5) / scale - 0.5 if n_out > 1 else torch.zeros_like(i)
    if how.transformation == "half_pixel_symmetric":
        return n_in / 2 * (1 - n_out / (scale * n_in)) + (i + 0.5) / scale - 0.5
    if how.transformation == "align_corners":
        return i * (n_in - 1) / (n_out - 1) if n_out > 1 else torch.zeros_like(i)
    if how.transformation == "asymmetric":
        return i / scale
    if how.transformation == "tf_half_pixel_for_nn":
        return (i + 0.5) / scale
    if how.transformation == "tf_crop_and_resize":
        start, end = torch.tensor(roi, dtype=torch.float32)
        if n_out == 1:
            return (0.5 * (start + end) * (n_in - 1)).expand(1)
        return start * (n_in - 1) + i * (end - start) * (n_in - 1) / (n_out - 1)
    raise UnsupportedError(f"Resize with coordinate_transformation_mode={how.transformation!r} is not supported")


def _weights(how: Sampling, distance: Tensor) -> Tensor:
    """Return the interpolation kernel at the distances, in input elements."""
    d = distance.abs()
    if how.mode == "linear":
        return (1 - d).clamp(min=0)
    a = how.cubic_a
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))


@functools.lru_cache(maxsize=512)
def taps(
    how: Sampling,
    n_in: int,
    n_out: int,
    scale: float,
    roi: tuple[float, float],
    device: torch.device,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Return the input indices (n_out, K), their weights (n_out, K) and which outputs lie outside the input (n_out,).

    They depend on sizes alone, so that they are computed once.
    """
    with torch.inference_mode(mode=False):
        x = _positions(how, n_in, n_out, scale, roi)
        outside = ((x < 0) | (x > n_in - 1)).to(device)
        if how.mode == "nearest":
            if how.nearest_mode == "simple":
                nearest = torch.ceil(x) if scale < 1 else torch.floor(x)
            else:
                nearest = _ROUNDINGS[how.nearest_mode](x)
            return nearest.clamp(0, n_in - 1).to(torch.int64).reshape(-1, 1).to(device), None, outside
        stretch = min(scale, 1.0) if how.antialias else 1.0
        first = math.floor(-(1 if how.mode == "linear" else 2) / stretch) + 1
        index = x.floor().reshape(-1, 1) + torch.arange(first, 2 - first, dtype=torch.float64)
        weight = _weights(how, (index - x.reshape(-1, 1)) * stretch)
        if how.exclude_outside:
            weight = torch.where((index < 0) | (index > n_in - 1), torch.zeros_like(weight), weight)
        weight = weight / weight.sum(1, keepdim=True)
        return index.clamp(0, n_in - 1).to(torch.int64).to(device), weight.to(device, dtype), outside


def _resample(
    x: Tensor, axis: int, how: Sampling, n_out: int, scale: float, roi: tuple[float, float], outside_value: float
) -> Tensor:
    index, weight, outside = taps(how, x.shape[axis], n_out, scale, roi, x.device, x.dtype)
    order = sorted(range(x.ndim), key=lambda i: x.stride(i), reverse=True)  # of memory, whose rows are copied
    dense, place = x.permute(order), order.index(axis)
    shape = [-1] + [1] * (x.ndim - 1 - place)
    y = dense.index_select(place, index[:, 0])
    if weight is not None:
        y = y * weight[:, 0].reshape(shape)
        for k in range(1, index.shape[1]):
            y = y + dense.index_select(place, index[:, k]) * weight[:, k].reshape(shape)
    y = y.permute([order.index(i) for i in range(x.ndim)])
    shape = [-1] + [1] * (x.ndim - 1 - axis)
    if how.transformation == "tf_crop_and_resize":
        y = torch.where(outside.reshape(shape), torch.full_like(y, outside_value), y)
    return y


def resample(
    x: Tensor,
    how: Sampling,
    axes: Sequence[int],
    targets: Sequence[tuple[int, float]],
    rois: Sequence[tuple[float, float]],
    outside_value: float = 0.0,
) -> Tensor:
    """Return x resized along each of `axes` to a target (size, scale), reading from the part `rois` of the axis.

    Where no size changes x is the answer, as in onnxruntime, whatever the scales are: 1.2 of 3 elements are 3.
    """
    y, crops = x, how.transformation == "tf_crop_and_resize"
    if not crops and all(n_out == x.shape[axis] for axis, (n_out, _) in zip(axes, targets, strict=True)):
        return x
    if how.mode != "nearest" and x.dtype not in (torch.float32, torch.float64):
        y = x.float()
    for axis, (n_out, scale), roi in zip(axes, targets, rois, strict=True):
        changes = scale != 1 and not how.antialias  # which looks at sizes alone
        if n_out != x.shape[axis] or changes or roi != (0.0, 1.0):
            y = _resample(y, axis, how, n_out, scale, roi, outside_value)
    return y.to(x.dtype)


def scaled(size: int, scale: float) -> int:
    """Return floor(size scale), rounded to float32 first as the scale was: 10 * 0.7 is 7, not 6."""
    return int(torch.floor(torch.tensor(size * scale, dtype=torch.float32)))
