"""Samples for trials of batch axes: drawn, replaced and disturbed along the axis that counts them."""

import numpy as np


def drawn(given: np.ndarray, axis: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` samples of `given` along `axis`; where it has fewer, or all are the same, changed copies."""
    have = given.shape[axis]
    if have >= count:
        chosen = given.take(rng.permutation(have)[:count], axis)
        if given.dtype.kind != "f" or (chosen != chosen.take([0], axis)).any():
            return chosen
        return (chosen + 0.1 * rng.standard_normal(chosen.shape)).astype(given.dtype)
    copies = given.take(np.arange(count) % max(1, have), axis)
    return (
        (copies * (1 + 0.1 * rng.standard_normal(copies.shape))).astype(given.dtype)
        if copies.dtype.kind == "f"
        else copies
    )


def disturbed(x: np.ndarray, axis: int, factor: float) -> np.ndarray:
    """Return `x` with all samples but the first times `factor`, where they are floats."""
    if x.dtype.kind != "f":
        return x
    return np.concatenate([x.take([0], axis), x.dtype.type(factor) * x.take(range(1, x.shape[axis]), axis)], axis)


def spliced(x: np.ndarray, other: np.ndarray, axis: int) -> np.ndarray:
    """Return `x` with all samples but the first from `other`; a lone one from there too."""
    if x.shape[axis] == 1:
        return other
    return np.concatenate([x.take([0], axis), other.take(range(1, other.shape[axis]), axis)], axis)


def first_of(value: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Return what belongs to the first of `size` samples."""
    return value.take(range(value.shape[axis] // size), axis)
