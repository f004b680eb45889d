"""Reading images at computed positions, and writing patches back to where they came from."""

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, Ints, operator
from onnx2snn_runtime.ops.conv import geometry

OPERATORS: Declared = {
    "AffineGrid GridSample": {"affine": "tcc", "resampling": True},
    "Col2Im MaxUnpool": {"affine": "tcc"},
    "DeformConv": {"affine": "ffctf", "weighted": True},
}


_MODES = {"linear": "bilinear", "cubic": "bicubic"}


@operator("GridSample")
def grid_sample(
    x: Tensor, grid: Tensor, *, align_corners: int = 0, mode: str = "linear", padding_mode: str = "zeros"
) -> Tensor:
    """y = x (N, C, *spatial) read at the positions `grid` (N, *output, rank), where -1 and 1 are the borders."""
    mode = _MODES.get(mode, mode)
    if x.ndim not in (4, 5) or (mode == "bicubic" and x.ndim == 5):
        raise UnsupportedError(f"GridSample with mode={mode!r} over {x.ndim - 2} spatial axes is not supported")
    return F.grid_sample(x, grid.to(x.dtype), mode, padding_mode, bool(align_corners))


@operator("AffineGrid")
def affine_grid(theta: Tensor, size: Ints, *, align_corners: int = 0) -> Tensor:
    """y = the positions (N, *spatial, rank) of the elements of an image of `size` (N, C, *spatial) mapped by theta."""
    return F.affine_grid(theta, size, bool(align_corners))


@operator("Col2Im")
def col2im(
    x: Tensor,
    image_shape: Ints,
    block_shape: Ints,
    *,
    dilations: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = the image (N, C, *image_shape) whose blocks are the columns x (N, C prod(block_shape), blocks), summed up."""
    g = geometry(image_shape, block_shape, strides, dilations, pads, "NOTSET")
    rank = len(image_shape)
    place = torch.zeros((1, 1), dtype=torch.int64, device=x.device)
    inside = torch.ones((1, 1), dtype=torch.bool, device=x.device)
    for i in range(rank):
        blocks = (image_shape[i] + g.begin[i] + g.end[i] - (g.kernel[i] - 1) * g.dilations[i] - 1) // g.strides[i] + 1
        tap = torch.arange(g.kernel[i], device=x.device) * g.dilations[i] - g.begin[i]
        position = tap.reshape(-1, 1) + torch.arange(blocks, device=x.device) * g.strides[i]
        valid = (position >= 0) & (position < image_shape[i])
        place = _outer(place * image_shape[i], position.clamp(0, image_shape[i] - 1), torch.add)
        inside = _outer(inside, valid, torch.logical_and)
    columns = x.reshape(x.shape[0], -1, place.numel()) * inside.reshape(-1)
    image = x.new_zeros((x.shape[0], columns.shape[1], torch.Size(image_shape).numel()))
    image = torch.index_add(image, 2, place.reshape(-1), columns)
    return image.reshape(x.shape[0], -1, *image_shape)


def _outer(a: Tensor, b: Tensor, combine: object) -> Tensor:
    """Return (K, L) and (k, l) combined to (K k, L l)."""
    pairs = combine(a[:, None, :, None], b[None, :, None, :])  # type: ignore[operator]
    return pairs.reshape(a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])


@operator("MaxUnpool")
def max_unpool(
    x: Tensor,
    indices: Tensor,
    output_shape: Ints | None = None,
    *,
    kernel_shape: list[int],
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = zeros with x at `indices` of the flattened, unpadded result; `output_shape` pads that result at its end."""
    rank = len(kernel_shape)
    stride, pad = strides or [1] * rank, pads or [0] * 2 * rank
    size = [
        (n - 1) * s + k - pad[i] - pad[rank + i]
        for i, (n, s, k) in enumerate(zip(x.shape[2:], stride, kernel_shape, strict=True))
    ]
    shape = [*x.shape[:2], *size]
    y = torch.scatter(x.new_zeros(torch.Size(shape).numel()), 0, indices.reshape(-1), x.reshape(-1)).reshape(shape)
    if not output_shape:
        return y
    return F.pad(
        y, [n for have, want in zip(reversed(shape), reversed(output_shape), strict=True) for n in (0, want - have)]
    )


@operator("DeformConv")
def deform_conv(
    x: Tensor,
    w: Tensor,
    offset: Tensor,
    b: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    offset_group: int = 1,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = w * x + b where tap k of each window is read at its place plus offset (N, G 2 K, H', W'), times mask."""
    if x.ndim != 4:
        raise UnsupportedError(f"DeformConv over {x.ndim - 2} spatial axes is not supported: only two are")
    g = geometry(x.shape[2:], w.shape[2:], strides, dilations, pads, "NOTSET")
    n, c, height, width = x.shape
    taps, rows, columns = w.shape[2] * w.shape[3], offset.shape[2], offset.shape[3]
    shift = offset.reshape(n * offset_group, taps, 2, rows, columns)
    place = []
    for i, (count, size) in enumerate(((rows, height), (columns, width))):
        tap = torch.arange(g.kernel[i], device=x.device) * g.dilations[i] - g.begin[i]
        tap = tap.repeat_interleave(g.kernel[1]) if i == 0 else tap.repeat(g.kernel[0])
        start = torch.arange(count, device=x.device) * g.strides[i]
        position = tap.reshape(-1, 1, 1) + start.reshape((-1, 1) if i == 0 else (1, -1)) + shift[:, :, i]
        place.append((2 * position + 1) / size - 1)
    grid = torch.stack(place[::-1], -1).reshape(n * offset_group, taps * rows, columns, 2)
    read = F.grid_sample(x.reshape(n * offset_group, -1, height, width), grid.to(x.dtype), align_corners=False)
    read = read.reshape(n, offset_group, -1, taps, rows, columns)
    if mask is not None:
        read = read * mask.reshape(n, offset_group, 1, taps, rows, columns)
    read = read.reshape(n, group, c // group * taps, rows * columns)
    y = torch.matmul(w.reshape(group, w.shape[0] // group, -1), read).reshape(n, w.shape[0], rows, columns)
    return y if b is None else y + b.reshape(-1, 1, 1)
