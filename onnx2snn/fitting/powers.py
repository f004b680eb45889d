"""Scales are powers of two: a product with one is exact, and in hardware a shift."""

import numpy as np


def power_of_two(magnitude: np.ndarray) -> np.ndarray:
    """Return the smallest powers of two not below `magnitude`, 1 for 0, within float32."""
    fraction, exponent = np.frexp(magnitude)
    exponent = np.where(fraction == 0.5, exponent - 1, exponent)
    return np.where(magnitude > 0, np.exp2(np.clip(exponent, -100, 100)), 1.0).astype(np.float32)
