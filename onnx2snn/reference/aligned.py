"""Results that can differ in shape, because it depends on the data, made comparable number by number."""

from typing import Any

import numpy as np


def aligned(*values: Any) -> list[np.ndarray]:
    """Return `values` as arrays of one shape: what one of them lacks is 0; lists of samples are strung together.

    Arrays of the same shape come back as they are.
    """
    if any(isinstance(value, list) for value in values):
        entries = [[part.ravel() for part in aligned(*same)] for same in zip(*values, strict=True)]
        return [np.concatenate(parts) for parts in zip(*entries, strict=True)]
    arrays = [np.asarray(value) for value in values]
    if len({array.shape for array in arrays}) == 1:
        return arrays
    if len({array.ndim for array in arrays}) > 1:
        arrays = [array.ravel() for array in arrays]
    shape = tuple(max(sizes) for sizes in zip(*(array.shape for array in arrays), strict=True))
    return [_padded(array, shape) for array in arrays]


def _padded(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.pad(value, [(0, wanted - size) for wanted, size in zip(shape, value.shape, strict=True)])
