"""Padding and cropping."""

import torch
import torch.nn.functional as F
from torch import Tensor

from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.ops import LONGEST, Declared, Ints, Scalar, operator
from onnx2snn_runtime.ops.conv import flat_pads

OPERATORS: Declared = {
    "CenterCropPad": {"affine": "tcc", "copies": True},
    "Pad": {"affine": "tctc", "copies": True},
}


def _source(n: int, begin: int, end: int, mode: str, device: torch.device) -> Tensor:
    """Return the index in an axis of size n that each position of the padded axis shows."""
    if n + begin + end > LONGEST:
        raise ModelError(f"Pad makes an axis of {n + begin + end}, and none is longer than 2^30: the file is damaged")
    i = torch.arange(-begin, n + end, device=device)
    if mode == "edge":
        return i.clamp(0, n - 1)
    if mode == "wrap":
        return i % n
    if mode == "reflect":
        period = max(2 * (n - 1), 1)
        i = i % period
        return torch.minimum(i, period - i) if n > 1 else torch.zeros_like(i)
    raise UnsupportedError(f"Pad with mode={mode!r} is not supported: known are constant, edge, reflect and wrap")


@operator("Pad", since=11)
def pad(
    x: Tensor,
    pads: Ints,
    constant_value: Scalar | None = None,
    axes: Ints | None = None,
    *,
    mode: str = "constant",
) -> Tensor:
    """y = x with pads (begins, then ends) along `axes`; negative pads crop."""
    chosen = [axis % x.ndim for axis in axes] if axes is not None else list(range(x.ndim))
    begin, end = [0] * x.ndim, [0] * x.ndim
    for i, axis in enumerate(chosen):
        begin[axis], end[axis] = pads[i], pads[len(chosen) + i]
    if mode == "constant":
        return F.pad(x, flat_pads(begin, end), value=constant_value or 0)
    for axis in range(x.ndim):
        if begin[axis] or end[axis]:
            x = x.index_select(axis, _source(x.shape[axis], begin[axis], end[axis], mode, x.device))
    return x


@operator("Pad", since=2)
def pad_attributes(x: Tensor, *, pads: list[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """y = x with pads (begins, then ends) given as attributes (before opset 11)."""
    return pad(x, pads, value, mode=mode)


@operator("Pad")
def pad_paddings(x: Tensor, *, paddings: list[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """y = x with pads (begins, then ends) under the attribute's first name (opset 1)."""
    return pad(x, paddings, value, mode=mode)


@operator("CenterCropPad")
def center_crop_pad(x: Tensor, shape: Ints, *, axes: list[int] | None = None) -> Tensor:
    """y = the middle of x, cropped or padded with zeros to `shape` along `axes`."""
    begin, end = [0] * x.ndim, [0] * x.ndim
    for axis, target in zip(axes if axes is not None else range(x.ndim), shape, strict=True):
        missing = target - x.shape[axis]
        # what does not split evenly is padded at the end, and cropped at the end
        begin[axis] = missing // 2 if missing >= 0 else -(-missing // 2)
        end[axis] = missing - begin[axis]
    return F.pad(x, flat_pads(begin, end))
