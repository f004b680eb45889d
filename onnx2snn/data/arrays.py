"""Samples as arrays by input name, and the files of numpy that hold them: .npz and .npy."""

import errno
import math
import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.data.faults import FAULTS
from onnx2snn_runtime.errors import InputError, first_line
from onnx2snn_runtime.ir.arrays import native
from onnx2snn_runtime.ir.batch import BatchAxes

_SHOWN = 10
"""So many arrays are named in an error."""

LABELS = "labels"
MAPPED = 2**20
"""Bytes of a batch from which on its memory is a mapping of its own."""


@dataclass(frozen=True)
class Samples:
    """Sample data: arrays by input name, and their labels (integers, samples along the first axis) where known."""

    inputs: dict[str, np.ndarray]
    labels: np.ndarray | None
    count: int


def make_samples(
    arrays: Mapping[str, np.ndarray],
    input_names: Sequence[str],
    where: str,
    limit: int | None = None,
    axes: BatchAxes | None = None,
) -> Samples:
    """Return `arrays` (by input name, and `labels`) as Samples, checked; `where` names their source in errors."""
    axes = axes or BatchAxes()
    if not arrays:
        raise InputError(f"{where!r} holds no arrays: the model's inputs are {', '.join(input_names)}")
    missing = [name for name in input_names if name not in arrays]
    unknown = [name for name in arrays if name not in input_names and name != LABELS]
    also = "" if missing or LABELS in input_names else f" (and {LABELS!r}, where there are any)"
    if missing or unknown:
        what = f"lacks the input {missing[0]!r}" if missing else f"holds {unknown[0]!r}, which is no input"
        wanted = ", ".join(input_names) + also
        given = ", ".join([*list(arrays)[:_SHOWN], *([f"and {len(arrays) - _SHOWN} more"] * (len(arrays) > _SHOWN))])
        labelled = LABELS in arrays or missing or len(unknown) > 1
        hint = "" if labelled or not also else f"; if {unknown[0]!r} are the labels, say --labels {unknown[0]}"
        raise InputError(f"{where!r} {what}: the model's inputs are {wanted}, the data have {given}{hint}")
    inputs = {name: native(arrays[name]) for name in input_names}
    labels = arrays[LABELS] if LABELS in arrays and LABELS not in input_names else None
    along = {name: axes.along(name, value.ndim) for name, value in inputs.items()}
    counts = {name: inputs[name].shape[axis] for name, axis in along.items() if axis is not None}
    if labels is not None:
        counts[LABELS] = len(checked_labels(labels, where))
    if len(set(counts.values())) > 1 and not axes.joint:
        listed = ", ".join(f"{name} {n}" for name, n in counts.items())
        raise InputError(f"the arrays in {where!r} differ in their number of samples ({listed}): make them equal")
    count = next(iter(counts.values()), 1)
    if not count:
        raise InputError(f"{where!r} holds no samples: its arrays are empty")
    if limit is not None and limit < count and not axes.joint:
        inputs = {n: v if (axis := along[n]) is None else v.take(range(limit), axis) for n, v in inputs.items()}
        labels, count = None if labels is None else labels[:limit], limit
    return Samples(inputs, labels, count)


def empty_batch(count: int, shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Return an array [count, *shape] to be written; a large one is an anonymous mapping, given back when it is freed.

    From the heap, batches that threads read would lie between what is computed meanwhile, and leave gaps when they go:
    peaks would vary from run to run, and rise with the length of a run.
    """
    size = count * math.prod(shape) * np.dtype(dtype).itemsize
    if size < MAPPED:
        return np.empty((count, *shape), dtype)
    return np.frombuffer(mmap.mmap(-1, size), dtype).reshape(count, *shape)


def checked_labels(labels: np.ndarray, where: str) -> np.ndarray:
    """Return `labels`; any but whole numbers, one a sample, raise InputError that names `where`."""
    if labels.ndim == 0 or labels.dtype.kind not in "iub":
        how = ", the number of its class"
        if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind == "f":
            how = ", of scores or one-hot labels as labels.argmax(1)"
        raise InputError(
            f"the labels in {where!r} are {labels.dtype} of the shape {labels.shape}: give one whole number a sample"
            + how
        )
    return labels


def read_npz(file: Path, input_names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz; what cannot be read raises InputError."""
    loaded = load(file)
    if isinstance(loaded, np.ndarray):
        raise InputError(f"{str(file)!r} holds a single array: name it .npy")
    return loaded


def read_npy(file: Path, input_names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the array of an .npy as the only input; a model of several raises InputError."""
    if len(input_names) != 1:
        raise InputError(
            f"{str(file)!r} is a single array, and the model has the inputs {', '.join(input_names)}: give an .npz"
        )
    loaded = load(file)
    if not isinstance(loaded, np.ndarray):
        raise InputError(f"{str(file)!r} holds several arrays: name it .npz")
    return {input_names[0]: loaded}


def load(file: Path) -> np.ndarray | dict[str, np.ndarray]:
    """Return what a file of numpy holds; one that is damaged, or holds Python objects, raises InputError."""
    try:
        with file.open("rb") as stream:  # numpy leaves a damaged file open
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return {name: _member(file, name, loaded[name]) for name in loaded.files}
    except InputError:
        raise
    except FAULTS as error:
        raise _unreadable(file, error) from error


def _member(file: Path, name: str, value: object) -> np.ndarray:
    if not isinstance(value, np.ndarray):  # numpy gives the bytes of what is no array
        raise InputError(f"{name!r} in {str(file)!r} is no array: write the arrays anew with numpy.savez")
    return value


def _unreadable(file: Path, error: Exception) -> InputError:
    why = first_line(error)
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # that is a place before the start
        return InputError(f"{str(file)!r} cannot be read ({error.strerror or why}): check the file")
    if file.stat().st_size == 0:
        return InputError(f"{str(file)!r} is empty: write the data again")
    if "allow_pickle" in str(error):
        return InputError(f"{str(file)!r} holds Python objects or is no numpy file: write plain arrays of numbers")
    if isinstance(error, RuntimeError):  # encrypted, or compressed in a way that Python cannot undo
        return InputError(f"{str(file)!r} cannot be unpacked ({why}): write it anew with numpy.savez")
    return InputError(f"{str(file)!r} is damaged or truncated ({why}): write the data again")
