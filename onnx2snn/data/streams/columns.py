"""Which column of a table is which input, and the values of a column as an array."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.data.images import Preprocessing, read_image, read_image_bytes
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


def as_array(column: Any, name: str, where: str, preprocessing: Preprocessing, rows: Sequence[int]) -> np.ndarray:
    """Return an Arrow `column`, of the rows `rows` of a table, as one array.

    Numbers are as they are; lists of equal lengths are flattened in Arrow, without Python objects; images, their bytes
    or tables with `bytes` or a `path`, are decoded and prepared. Nulls, ragged lists and texts raise InputError.
    """
    values, shape = _whole(column), [len(column)]
    if hasattr(values, "to_numpy_ndarray"):
        found: np.ndarray = values.to_numpy_ndarray()
        return found
    _check_nulls(values, values, name, where, rows)
    outer = values
    while _is(values, "list", "fixed_size_list", "large_list"):
        flat = values.flatten()
        length = len(flat) // max(1, len(values))
        if length * len(values) != len(flat) or _ragged(values, length):
            raise InputError(f"the rows of {name!r} in {where!r} differ in shape: pad or resize them")
        _check_nulls(flat, outer, name, where, rows)
        values = flat
        shape.append(length)
    if len(shape) == 1 and _is(values, "struct", "binary", "large_binary", "binary_view"):
        return _images(values.to_pylist(), name, where, preprocessing, rows)
    array = np.asarray(values.to_numpy(zero_copy_only=False))
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"row {rows[0]} of {name!r} in {where!r} holds {values.type}, and no numbers: write numbers, such as the "
            "index of a class, or the bytes of images"
        )
    return array.reshape(shape)


def _whole(column: Any) -> Any:
    """Return a column in one piece, without the names that others gave to its type."""
    values = column.combine_chunks()
    if hasattr(values, "chunks"):  # older pyarrow leaves a chunked array
        values = values.chunk(0)
    return values if hasattr(values, "to_numpy_ndarray") else getattr(values, "storage", values)


def _is(values: Any, *kinds: str) -> bool:
    return str(values.type).split("<", 1)[0].split("[", 1)[0] in kinds


def _check_nulls(flat: Any, outer: Any, name: str, where: str, rows: Sequence[int]) -> None:
    """Raise InputError for a null in `flat`, the same number of values of each of the rows `outer`."""
    if flat.null_count:
        place = int(np.flatnonzero(np.asarray(flat.is_null()))[0]) * len(outer) // len(flat)
        raise InputError(f"row {rows[place]} of {name!r} in {where!r} is null, or holds one: leave it out, or fill it")


def _images(values: list[Any], name: str, where: str, preprocessing: Preprocessing, rows: Sequence[int]) -> np.ndarray:
    found = [
        _image(value, f"row {row} of {name!r} in {where!r}", preprocessing)
        for value, row in zip(values, rows, strict=True)
    ]
    other = next((row for row, image in zip(rows, found, strict=True) if image.shape != found[0].shape), None)
    if other is not None:
        raise InputError(
            f"the images in rows {rows[0]} and {other} of {name!r} in {where!r} differ in size: set a size"
        )
    return np.stack(found)


def _image(value: Any, what: str, preprocessing: Preprocessing) -> np.ndarray:
    """Return the image in `value`, its bytes, or a table of `bytes` and a `path` as `datasets` writes it."""
    raw = value.get("bytes") if isinstance(value, dict) else value
    path = value.get("path") if isinstance(value, dict) else None
    if raw is None and path is not None and Path(path).is_file():
        return read_image(Path(path), preprocessing)
    if raw is None:
        raise InputError(f"{what} holds a path and no image: write the bytes of images")
    return read_image_bytes(raw, f"in {what}", preprocessing)


def _ragged(values: Any, length: int) -> bool:
    lengths = getattr(values, "value_lengths", None)
    return lengths is not None and bool((np.asarray(lengths()) != length).any())
