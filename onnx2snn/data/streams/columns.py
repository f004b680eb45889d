"""Which column of a table is which input, and the values of a column as an array."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from onnx2snn.data.images import Preprocessing, prepare, read_image_bytes
from onnx2snn_runtime.errors import InputError

LABELS = ("labels", "label")
IMAGES = ("image", "img", "pixel_values")


def input_column(name: str, columns: Sequence[str], input_names: Sequence[str], where: str) -> str:
    """Return the column of the input `name`: of that name, or that of images for a model of one input."""
    images = [column for column in IMAGES if column in columns]
    if name in columns:
        return name
    if len(input_names) == 1 and images:
        return images[0]
    raise InputError(f"the dataset {where!r} has no column {name!r}: it has {', '.join(columns)}")


def label_column(asked: str | None, columns: Sequence[str], input_names: Sequence[str], where: str) -> str | None:
    """Return the column of labels: the one that was asked for, or `labels` or `label`, or None."""
    if asked is not None and asked not in columns:
        raise InputError(f"the dataset {where!r} has no column {asked!r} of labels: it has {', '.join(columns)}")
    return asked or next((name for name in LABELS if name in columns and name not in input_names), None)


def as_array(rows: list[Any], column: str, where: str, preprocessing: Preprocessing, places: Sequence[int]) -> Any:
    """Return the `rows` of a column, of samples at `places`, as one array: images are decoded and prepared."""
    try:
        if rows and hasattr(rows[0], "convert"):
            return np.stack([prepare(row, preprocessing) for row in rows])
        if rows and (isinstance(rows[0], bytes) or (isinstance(rows[0], dict) and "bytes" in rows[0])):
            return np.stack(
                [_decoded(row, column, where, preprocessing, at) for row, at in zip(rows, places, strict=True)]
            )
        return np.asarray(rows)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"the rows of {column!r} in {where!r} differ in shape: pad or resize them") from error


def _decoded(row: Any, column: str, where: str, preprocessing: Preprocessing, place: int) -> np.ndarray:
    raw = row["bytes"] if isinstance(row, dict) else row
    if raw is None:
        raise InputError(f"row {place} of {column!r} in {where!r} holds a path and no image: write the bytes of images")
    return read_image_bytes(raw, f"in row {place} of {column!r} in {where!r}", preprocessing)
