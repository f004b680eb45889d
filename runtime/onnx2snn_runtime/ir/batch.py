"""Finds the batch axis of a result."""

from collections.abc import Sequence


def batch_axis(
    shapes: Sequence[Sequence[int]], sizes: Sequence[int], declared: Sequence[int] | None = None
) -> int | None:
    """Return the batch axis of results with the given `shapes` for batches of `sizes` samples, None if there is none.

    An axis of exactly that size is preferred to one of a multiple (samples times heads), and the first one to later
    ones; an axis `declared` with another fixed size is excluded.
    """
    found = None
    for axis in range(len(shapes[0])):
        if declared is not None and len(declared) == len(shapes[0]) and declared[axis] not in (0, sizes[0]):
            continue
        ratios = {shape[axis] / size for shape, size in zip(shapes, sizes, strict=True)}
        if ratios == {1.0}:
            return axis
        if found is None and len(ratios) == 1 and (ratio := ratios.pop()) >= 1 and ratio.is_integer():
            found = axis
    return found
