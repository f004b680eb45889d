"""Which axis of a result holds the samples of a batch."""

from collections.abc import Sequence


def batch_axis(
    shapes: Sequence[Sequence[int]], sizes: Sequence[int], declared: Sequence[int] | None = None
) -> int | None:
    """Return the axis along which values of `shapes` hold batches of `sizes` samples, None where there is none.

    An axis of that very size comes before one of a multiple (samples by heads), and the first before later ones; an
    axis that is `declared` to be of another size is none.
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
