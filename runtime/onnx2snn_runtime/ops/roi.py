"""Regions of interest, read from an image into bins of one size."""

import torch
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator

OPERATORS: Declared = {
    "MaxRoiPool": {},
    "RoiAlign": {"affine": "tcc", "affine_if": {"mode": ("avg",)}, "resampling": True, "since": 10},
}


def _bilinear(x: Tensor, batch: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the four weighted corners (R, A, B, C) of x[batch] at the rows y (R, A) and columns z (R, B)."""
    height, width = x.shape[2:]
    inside = ((y >= -1) & (y <= height))[:, :, None] & ((z >= -1) & (z <= width))[:, None, :]
    y, z = y.clamp(0, height - 1), z.clamp(0, width - 1)
    top, left = y.floor(), z.floor()
    fy, fz = (y - top)[:, :, None, None], (z - left)[:, None, :, None]
    rows = top.to(torch.int64)[:, :, None], (top + 1).clamp(max=height - 1).to(torch.int64)[:, :, None]
    columns = left.to(torch.int64)[:, None, :], (left + 1).clamp(max=width - 1).to(torch.int64)[:, None, :]
    which, kept = batch.to(torch.int64)[:, None, None], inside[..., None].to(x.dtype)
    image = x.permute(0, 2, 3, 1)
    return (
        image[which, rows[0], columns[0]] * ((1 - fy) * (1 - fz) * kept),
        image[which, rows[0], columns[1]] * ((1 - fy) * fz * kept),
        image[which, rows[1], columns[0]] * (fy * (1 - fz) * kept),
        image[which, rows[1], columns[1]] * (fy * fz * kept),
    )


def _samples(start: Tensor, size: Tensor, bins: int, ratio: int) -> tuple[Tensor, Tensor]:
    """Return the sample positions (R, bins, S) in each bin and which of them count."""
    bin_size = (size / bins)[:, None, None]
    if ratio > 0:
        count, most = torch.full_like(start, ratio), ratio
    else:
        count = torch.ceil(size / bins).clamp(min=0)
        most = max(int(count.max()), 1) if count.numel() else 1  # as many samples as the largest region needs
    step = torch.arange(most, device=start.device, dtype=start.dtype)
    within = (step + 0.5) / count.clamp(min=1)[:, None]
    index = torch.arange(bins, device=start.device, dtype=start.dtype)[:, None]
    place = start[:, None, None] + (index + within[:, None, :]) * bin_size
    return place, (step < count[:, None])[:, None, :].expand(-1, bins, -1)


@operator("RoiAlign", since=16)
def roi_align(
    x: Tensor,
    rois: Tensor,
    batch_indices: Tensor,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Tensor:
    """y (R, C, output_height, output_width) = bilinear samples of x in each bin of each box, their mean or largest."""
    if mode not in ("avg", "max"):
        raise UnsupportedError(f"RoiAlign with mode={mode!r} is not supported: known are avg and max")
    half = coordinate_transformation_mode == "half_pixel"
    box = rois.to(x.dtype) * spatial_scale - (0.5 if half else 0.0)
    size = box[:, 2:] - box[:, :2]
    size = size if half else size.clamp(min=1)
    y, y_counts = _samples(box[:, 1], size[:, 1], output_height, sampling_ratio)
    z, z_counts = _samples(box[:, 0], size[:, 0], output_width, sampling_ratio)
    corners = _bilinear(x, batch_indices, y.flatten(1), z.flatten(1))
    shape = (len(rois), *y.shape[1:], *z.shape[1:], x.shape[1])
    counts = (y_counts[:, :, :, None, None] & z_counts[:, None, None, :, :])[..., None]
    if mode == "avg":
        total = (sum(corners[1:], corners[0]).reshape(shape) * counts).sum((2, 4))
        return (total / counts.sum((2, 4)).clamp(min=1)).permute(0, 3, 1, 2)
    # the standard takes the largest weighted corner, not the largest interpolated value
    largest = torch.stack(corners).amax(0).reshape(shape)
    largest = torch.where(counts, largest, torch.full_like(largest, float("-inf"))).amax((2, 4))
    return torch.where(torch.isinf(largest), torch.zeros_like(largest), largest).permute(0, 3, 1, 2)


@operator("RoiAlign", since=10)
def roi_align_unshifted(
    x: Tensor,
    rois: Tensor,
    batch_indices: Tensor,
    *,
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Tensor:
    """RoiAlign of opset 10, whose boxes are not shifted by half a pixel."""
    return roi_align(
        x,
        rois,
        batch_indices,
        coordinate_transformation_mode="output_half_pixel",
        mode=mode,
        output_height=output_height,
        output_width=output_width,
        sampling_ratio=sampling_ratio,
        spatial_scale=spatial_scale,
    )


def _bins(start: Tensor, end: Tensor, bins: int, size: int) -> Tensor:
    """Return which of `size` elements belong to each of the bins, (R, bins, size)."""
    width = (end - start + 1).clamp(min=1)[:, None] / bins
    index = torch.arange(bins, device=start.device)
    low = (torch.floor(index * width) + start[:, None]).clamp(0, size)
    high = (torch.ceil((index + 1) * width) + start[:, None]).clamp(0, size)
    element = torch.arange(size, device=start.device)
    return (element >= low[..., None]) & (element < high[..., None])


@operator("MaxRoiPool")
def max_roi_pool(x: Tensor, rois: Tensor, *, pooled_shape: list[int], spatial_scale: float = 1.0) -> Tensor:
    """y (R, C, *pooled_shape) = the largest value in each bin of each box (batch, x1, y1, x2, y2), 0 in empty bins."""
    box = torch.floor(rois[:, 1:].float() * spatial_scale + 0.5)
    image = x.index_select(0, rois[:, 0].to(torch.int64))
    rows = _bins(box[:, 1], box[:, 3], pooled_shape[0], x.shape[2])[:, None, :, :, None]
    columns = _bins(box[:, 0], box[:, 2], pooled_shape[1], x.shape[3])[:, None, :, None, :]
    lowest = torch.full((), float("-inf"), dtype=x.dtype, device=x.device)
    y = torch.where(rows, image[:, :, None], lowest).amax(3)
    y = torch.where(columns.squeeze(3)[:, :, None], y[:, :, :, None], lowest).amax(4)
    return torch.where(torch.isinf(y), torch.zeros_like(y), y)
