"""Labels from a file of their own: one a sample in its order, or by the names of the samples."""

import csv
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np

from onnx2snn.data.arrays import checked_labels, load
from onnx2snn.data.streams.base import Labelled, Stream
from onnx2snn_runtime.errors import InputError

SUFFIXES = (".npy", ".txt", ".csv", ".tsv")


def is_label_file(labels: str | None) -> bool:
    """Return whether `labels` names a file, and not a column."""
    return labels is not None and (Path(labels).suffix.lower() in SUFFIXES or Path(labels).is_file())


def with_label_file(stream: Stream, file: Path) -> Stream:
    """Return the samples of `stream` with the labels in `file`.

    An .npy holds whole numbers [samples, ...]; text has a line a sample, a label, or a name and a label with a comma, a
    tab or a space between them. Labels that are no numbers are numbered in sorted order. What does not fit raises
    InputError.
    """
    where = str(file)
    if not file.is_file():
        raise InputError(f"there is no file {where!r} of labels: check the path, or name a column")
    if file.suffix.lower() == ".npy":
        loaded = load(file)
        if not isinstance(loaded, np.ndarray):
            raise InputError(f"{where!r} holds several arrays: write the labels alone as an .npy")
        return Labelled(stream, _fitting(checked_labels(loaded, where), stream, where))
    rows = _rows(file)
    if all(len(row) == 1 for row in rows):
        return Labelled(stream, _fitting(numbered([row[0] for row in rows]), stream, where))
    uneven = next((i for i, row in enumerate(rows, 1) if len(row) != 2), None)
    if uneven is not None:
        raise InputError(f"line {uneven} of {where!r} is neither a label nor a name and a label: write one of the two")
    return Labelled(stream, _by_name(rows, stream, where))


def numbered(labels: Sequence[str]) -> np.ndarray:
    """Return labels as int64: as they are where all are whole numbers, else their places in sorted order."""
    try:
        return np.array([int(label) for label in labels], np.int64)
    except ValueError:
        order = {label: i for i, label in enumerate(sorted(set(labels)))}
        return np.array([order[label] for label in labels], np.int64)


def _rows(file: Path) -> list[list[str]]:
    try:
        lines = [line for line in file.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(file)!r} cannot be read as text: write labels as .npy, .txt or .csv") from error
    if any("," in line for line in lines):
        return [[cell.strip() for cell in row] for row in csv.reader(lines)]
    return [line.split("\t") if "\t" in line else line.split() for line in lines]


def _fitting(labels: np.ndarray, stream: Stream, where: str) -> np.ndarray:
    if len(labels) != len(stream):
        raise InputError(f"{where!r} has {len(labels)} labels, {stream.where!r} {len(stream)} samples: give one each")
    return labels


def _by_name(rows: list[list[str]], stream: Stream, where: str) -> np.ndarray:
    """Return the labels in the order of the samples, which are found by their path, file name or stem."""
    names = stream.names()
    if names is None:
        raise InputError(f"{where!r} has names, and the samples in {stream.where!r} have none: give a label a line")
    if rows[0][1].lower() in ("label", "labels", "class"):
        rows = rows[1:]
    numbers = dict(zip([row[0] for row in rows], numbered([row[1] for row in rows]).tolist(), strict=True))
    found = []
    for name in names:
        path = PurePath(name)
        match = next((key for key in (name, path.name, path.stem) if key in numbers), None)
        if match is None:
            raise InputError(f"{where!r} has no label for the sample {name!r}: add a line with its name")
        found.append(numbers[match])
    return np.array(found, np.int64)
