"""Transposed convolution over one to three spatial axes."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops import Declared, operator
from onnx2snn_runtime.ops.conv import flat_pads

OPERATORS: Declared = {
    "ConvTranspose": {"affine": "fft", "weighted": True, "batched": True, "own_memory": True},
}


_TRANSPOSED: dict[int, Callable[..., Tensor]] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


LARGEST_STRIDE = 1024
"""oneDNN dies of strides in the ten thousands, or goes on for ever; it knows no float64, which torch does by itself."""


def _transposed(x: Tensor, w: Tensor, b: Tensor | None, stride: list[int], *rest: Any) -> Tensor:
    function = _TRANSPOSED[len(stride)]
    if max(stride) <= LARGEST_STRIDE:
        return function(x, w, b, stride, *rest)
    return function(x.double(), w.double(), None if b is None else b.double(), stride, *rest).to(x.dtype)


def _crops(
    full: list[int],
    size: list[int],
    strides: list[int],
    extra: list[int],
    output_shape: list[int] | None,
    pads: list[int] | None,
    auto_pad: str,
) -> tuple[list[int], list[int]]:
    """Return what is cut from the begin and from the end of the full output; negative where it grows."""
    rank = len(full)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER") and not output_shape:
        output_shape = [n * s for n, s in zip(size, strides, strict=True)]
    if not output_shape:
        begin, end = (pads[:rank], pads[rank:]) if pads and auto_pad != "VALID" else ([0] * rank, [0] * rank)
        return begin, [e - o for e, o in zip(end, extra, strict=True)]
    total = [f + e - o for f, e, o in zip(full, extra, output_shape[-rank:], strict=True)]
    half = [max(t, 0) // 2 for t in total]  # an output larger than the full one grows at its end
    most = [max(t, 0) - h for t, h in zip(total, half, strict=True)]
    begin = half if auto_pad == "SAME_UPPER" else most
    end = [t - b for t, b in zip(total, begin, strict=True)]
    return begin, [e - o for e, o in zip(end, extra, strict=True)]


@operator("ConvTranspose")
def conv_transpose(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    output_padding: list[int] | None = None,
    output_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = the transpose of Conv applied to x (N, C, *spatial), plus b; w (C, M / group, *kernel)."""
    rank = x.ndim - 2
    if rank not in _TRANSPOSED:
        raise UnsupportedError(f"ConvTranspose over {rank} spatial axes is not supported: torch has one to three")
    stride, dilation = strides or [1] * rank, dilations or [1] * rank
    size = list(x.shape[2:])
    full = [s * (n - 1) + (k - 1) * d + 1 for s, n, k, d in zip(stride, size, w.shape[2:], dilation, strict=True)]
    begin, end = _crops(full, size, stride, output_padding or [0] * rank, output_shape, pads, auto_pad)
    # torch crops the same on both sides; the rest is cropped, or padded with zeros, afterwards
    common = [max(min(pair), 0) for pair in zip(begin, end, strict=True)]
    rest = flat_pads(
        [c - n for c, n in zip(common, begin, strict=True)], [c - n for c, n in zip(common, end, strict=True)]
    )
    grows = any(n > 0 for n in rest)  # then the bias has to reach the padded zeros too
    y = _transposed(x, w, None if grows else b, stride, common, 0, group, dilation)
    y = F.pad(y, rest) if any(rest) else y
    return y + b.reshape(-1, *[1] * rank) if grows and b is not None else y
