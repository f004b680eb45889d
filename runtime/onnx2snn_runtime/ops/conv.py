"""Convolution over one to three spatial axes, and the geometry of windows that pools share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.ops import Declared, operator

OPERATORS: Declared = {
    "Conv": {"affine": "fft", "weighted": True, "batched": True, "own_memory": True},
}


_CONV: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@dataclass(frozen=True)
class Geometry:
    """One window sliding over spatial axes; every list has one entry an axis."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    begin: list[int]
    end: list[int]
    overhang: list[int]
    """What a window may reach beyond the pads, where the output size is rounded up."""

    @property
    def padded(self) -> bool:
        """Return whether anything is padded."""
        return any(self.begin + self.end + self.overhang)


def geometry(
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str,
    ceil_mode: int = 0,
) -> Geometry:
    """Return the geometry of a window over axes of `size`, with ONNX's defaults and auto_pad resolved.

    Lists of another length, numbers below 1 and a window beyond its padded input raise ModelError: torch hangs of some.
    """
    rank = len(size)
    stride, dilation = list(strides or [1] * rank), list(dilations or [1] * rank)
    if {len(kernel), len(stride), len(dilation)} != {rank} or len(pads or ()) not in (0, 2 * rank):
        raise ModelError(f"the window {list(kernel)} with {strides=}, {dilations=}, {pads=} does not fit {rank} axes")
    if min([*kernel, *stride, *dilation], default=1) < 1:
        raise ModelError(f"the window {list(kernel)}, or its {strides=} or {dilations=}, has a number below 1")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    begin, end = [0] * rank, [0] * rank
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        needed = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(size, stride, reach, strict=True)]
        small, large = [n // 2 for n in needed], [n - n // 2 for n in needed]
        begin, end = (small, large) if auto_pad == "SAME_UPPER" else (large, small)
    elif auto_pad != "VALID" and pads:
        begin, end = list(pads[:rank]), list(pads[rank:])
    overhang = [0] * rank
    if ceil_mode and auto_pad in ("NOTSET", ""):
        for i in range(rank):
            room = size[i] + begin[i] + end[i] - reach[i]
            windows = -(-room // stride[i]) + 1
            if (windows - 1) * stride[i] >= size[i] + begin[i]:
                windows -= 1  # a window that starts in the right pad is dropped
            overhang[i] = max((windows - 1) * stride[i] - room, 0)
    padded = [sum(sizes) for sizes in zip(size, begin, end, overhang, strict=True)]
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        raise ModelError(f"a window that reaches over {reach} is larger than its input, with its pads {padded}")
    return Geometry(list(kernel), stride, dilation, begin, end, overhang)


def flat_pads(begin: Sequence[int], end: Sequence[int]) -> list[int]:
    """Return pads in torch's order: (begin, end) of the last axis first."""
    return [n for pair in zip(reversed(begin), reversed(end), strict=True) for n in pair]


def pad_window(x: Tensor, g: Geometry, value: float) -> Tensor:
    """Return x (N, C, *spatial) padded by the geometry's pads and overhang with `value`."""
    end = [e + o for e, o in zip(g.end, g.overhang, strict=True)]
    return F.pad(x, flat_pads(g.begin, end), value=value) if g.padded else x


def slide(x: Tensor, g: Geometry) -> Tensor:
    """Return the windows of a padded x (N, C, *spatial) as a view (N, C, *output, *kernel)."""
    for axis, (k, s, d) in enumerate(zip(g.kernel, g.strides, g.dilations, strict=True), start=2):
        x = x.unfold(axis, (k - 1) * d + 1, s)[..., ::d]
    return x


@operator("Conv")
def conv(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y = w * x + b; x (N, C, *spatial), w (M, C / group, *kernel), b (M,).

    A column (N, C, L, 1) is convolved as the line (N, C, L) that it is: on CPUs three times as fast.
    """
    rank = x.ndim - 2
    if rank not in _CONV:
        raise UnsupportedError(f"Conv over {rank} spatial axes is not supported: torch has one to three")
    g = geometry(x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
    symmetric = g.begin == g.end and min(g.begin) >= 0
    if not symmetric:
        x = pad_window(x, g, 0)
    begin = g.begin if symmetric else [0] * rank
    thin = [i for i in range(rank) if x.shape[2 + i] == w.shape[2 + i] == 1 and not begin[i]][: rank - 1]
    if not thin:
        return _CONV[rank](x, w, b, g.strides, begin, g.dilations, group)
    strides, begin, dilations = (
        [n for i, n in enumerate(own) if i not in thin] for own in (g.strides, begin, g.dilations)
    )
    axes = tuple(2 + i for i in thin)
    y = _CONV[rank - len(thin)](x.squeeze(axes), w.squeeze(axes), b, strides, begin, dilations, group)
    for axis in axes:
        y = y.unsqueeze(axis)
    return y
