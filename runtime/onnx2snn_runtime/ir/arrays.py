"""Converts arrays to the byte order of this machine, the only one that torch and onnxruntime support."""

import numpy as np


def native(array: np.ndarray) -> np.ndarray:
    """Return `array` in the byte order of this machine: torch and onnxruntime know no other."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
