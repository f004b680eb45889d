"""Samples as pictures, where an input is one."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

LARGEST = 96
"""Pixels of a side, at most."""


def picture(inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the only input, [1, ...], as RGB in base64 with its width and height; None where it is no picture.

    A picture has 1 or 3 channels, in front or behind, and sides of 4 or more; its values are stretched to 0 to 255.
    """
    if len(inputs) != 1:
        return None
    value = np.asarray(next(iter(inputs.values())))
    if value.ndim != 4 or len(value) != 1:
        return None
    value = value[0]
    if value.shape[0] in (1, 3):
        value = np.moveaxis(value, 0, -1)
    if value.shape[-1] not in (1, 3) or min(value.shape[:2]) < 4 or value.dtype.kind not in "fiu":
        return None
    stride = math.ceil(max(value.shape[:2]) / LARGEST)
    small = np.nan_to_num(value[::stride, ::stride].astype(np.float64))
    low, high = small.min(), small.max()
    pixels = np.round(255 * (small - low) / (high - low if high > low else 1)).astype(np.uint8)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    height, width = pixels.shape[:2]
    return {"width": width, "height": height, "rgb": base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()}
