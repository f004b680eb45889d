"""How far the answers of a network are from those expected, on these samples, and perhaps on others."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from onnx2snn.reference.aligned import aligned


def relative_error(expected: Mapping[str, Any], outputs: Mapping[str, Any]) -> float:
    """Return max over float outputs of |outputs - expected| / |expected|; without any, the share that differs."""
    errors, differing = [], []
    for name in expected:
        value, got = aligned(expected[name], outputs[name])
        if value.dtype.kind != "f":
            differing.append(float(np.mean(got != value)))
            continue
        finite = np.isfinite(value)
        norm = float(np.linalg.norm(value[finite].astype(np.float64)))
        gap = np.nan_to_num(got[finite].astype(np.float64), nan=1e30) - value[finite]
        distance = float(np.linalg.norm(gap))
        errors.append(distance / norm if norm else distance)
    return max(errors or differing or [0.0])


def error_bound(expected: Mapping[str, Any], outputs: Mapping[str, Any], axes: Mapping[str, Any]) -> float:
    """Return the largest sqrt(m + t s / sqrt(n)) / r among float outputs, of n samples along their `axes`.

    m and s are mean and standard deviation of the samples' squared errors, r the root mean square of what is expected:
    where a few samples make most of the error, others will differ. t is Student's, 2 for many samples: of a few the
    deviation is not known well. One alone may have half the error of others.
    """
    bounds = [0.0]
    for name, value in expected.items():
        axis = axes.get(name, 0)
        if not is_real(value) or isinstance(value, list) or not isinstance(axis, int) or value.ndim < 2:
            continue
        got = np.asarray(outputs[name])
        if got.shape != value.shape or not value.size:
            continue
        wanted = np.nan_to_num(np.moveaxis(value, axis, 0).astype(np.float64), posinf=0.0, neginf=0.0)
        gap = np.nan_to_num(np.moveaxis(got, axis, 0) - wanted, nan=1e30, posinf=0.0, neginf=0.0)
        errors = np.square(gap.reshape(len(gap), -1)).sum(1)
        norm = np.square(wanted).sum() / len(wanted)
        if norm:
            bounds.append(float(np.sqrt(_mean_bound(errors) / norm)))
    return max(bounds)


def _mean_bound(squares: np.ndarray) -> float:
    """Return what the mean of `squares` may well be among other samples."""
    count = len(squares)
    if count == 1:
        return 4 * float(squares[0])
    # Abramowitz and Stegun 26.7.5 at x = 2, for the quantile of 97.7 %
    student = 2 + 2.5 / (count - 1) + 3.06 / (count - 1) ** 2
    return float(squares.mean() + student * squares.std(ddof=1) / np.sqrt(count))


def is_real(value: Any) -> bool:
    """Return whether `value`, an array or a list of them, holds numbers that are not whole."""
    return all(is_real(part) for part in value) if isinstance(value, list) else bool(value.dtype.kind == "f")
