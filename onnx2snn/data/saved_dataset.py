"""Reads a dataset folder that Hugging Face's `save_to_disk` wrote, through the optional package `datasets`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.data.images import Preprocessing, prepare
from onnx2snn_runtime.errors import InputError, Stage

_LABELS = ("labels", "label")
_IMAGES = ("image", "img", "pixel_values")


def is_saved_dataset(folder: Path) -> bool:
    """Return whether `folder` was written by `save_to_disk`."""
    return any((folder / name).is_file() for name in ("state.json", "dataset_dict.json"))


def read_saved_dataset(
    folder: Path, input_names: Sequence[str], limit: int | None, preprocessing: Preprocessing
) -> dict[str, np.ndarray]:
    """Return the columns that the model takes, by input name, and `labels` where the dataset has `label(s)`.

    A model of one input also takes the column of images. Absent columns, ragged rows and a dataset of several splits
    raise InputError.
    """
    data = _loaded(folder)
    if limit is not None and limit < len(data):
        data = data.select(range(limit))
    columns = list(data.column_names)
    arrays = {
        name: _array(data, _column(name, columns, input_names, folder), folder, preprocessing) for name in input_names
    }
    label = next((name for name in _LABELS if name in columns and name not in input_names), None)
    return arrays if label is None else arrays | {"labels": _array(data, label, folder, preprocessing)}


def _loaded(folder: Path) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"{str(folder)!r} is a Hugging Face dataset, and the package that reads it is absent: pip install datasets"
        ) from error
    if (folder / "dataset_dict.json").is_file():
        splits = ", ".join(sorted(child.name for child in folder.iterdir() if child.is_dir()))
        raise InputError(f"{str(folder)!r} holds several splits: give the folder of one of them ({splits})")
    with Stage(f"reading the dataset {str(folder)!r}", InputError):
        return datasets.load_from_disk(str(folder))


def _column(name: str, columns: list[str], input_names: Sequence[str], folder: Path) -> str:
    images = [column for column in _IMAGES if column in columns]
    if name in columns:
        return name
    if len(input_names) == 1 and images:
        return images[0]
    raise InputError(f"the dataset {str(folder)!r} has no column {name!r}: it has {', '.join(columns)}")


def _array(data: Any, column: str, folder: Path, preprocessing: Preprocessing) -> np.ndarray:
    rows = list(data[column])
    try:
        if rows and hasattr(rows[0], "convert"):
            return np.stack([prepare(row, preprocessing) for row in rows])
        return np.asarray(rows)
    except ValueError as error:
        raise InputError(f"the rows of {column!r} in {str(folder)!r} differ in shape: pad or resize them") from error
