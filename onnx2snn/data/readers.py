"""Readers of sample data: .npz, .npy, image folders, tar archives, Parquet, saved datasets and sets of .npz."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from onnx2snn.data.arrays import LABELS, Samples, make_samples, read_npy, read_npz
from onnx2snn.data.folders import is_image
from onnx2snn.data.images import Preprocessing
from onnx2snn.data.streams.array_files import ArrayFiles
from onnx2snn.data.streams.base import InMemory, Stream, drawn
from onnx2snn.data.streams.images import ImageFolder
from onnx2snn.data.streams.labels import is_label_file, with_label_file
from onnx2snn.data.streams.parquet import ParquetFiles
from onnx2snn.data.streams.patterns import expand, is_pattern
from onnx2snn.data.streams.saved import SavedDataset, is_saved_dataset
from onnx2snn.data.streams.tar import TarShards
from onnx2snn.data.streams.tar_index import COMPRESSED, compressed
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.ir.batch import BatchAxes

__all__ = ["Request", "Samples", "make_samples", "open_samples", "read_samples"]
MAPPED = 2**28
"""Bytes of an .npy from which on it is mapped into memory, and not read."""
WANTED = "an .npz, an .npy, or a folder of images"


@dataclass(frozen=True)
class Request:
    """What is wanted of sample data, beside their place.

    `limit` samples are taken as `sampling` says ("first", "spread", "random" with `seed`); by default the first ones of
    arrays and tables, and images spread evenly. `labels` names a column, a field, or a file of labels. `axes` says
    which axes count the samples, by default the first ones. Folders are classes but where `by_folder` is False.
    """

    limit: int | None = None
    preprocessing: Preprocessing | None = None
    axes: BatchAxes | None = None
    labels: str | None = None
    sampling: str | None = None
    seed: int = 0
    by_folder: bool = True


def read_samples(
    path: str | Path,
    input_names: Sequence[str],
    limit: int | None = None,
    preprocessing: Preprocessing | None = None,
    axes: BatchAxes | None = None,
    request: Request | None = None,
) -> Samples:
    """Return the samples in `path` for a model with the inputs `input_names`, all in memory; see `open_samples`."""
    wanted = request or Request(limit, preprocessing, axes)
    stream = open_samples(path, input_names, wanted)
    with Stage(f"reading {str(path)!r}", InputError):
        return stream.read(range(len(stream)))


def open_samples(path: str | Path, input_names: Sequence[str], request: Request | None = None) -> Stream:
    """Return the samples in `path` for a model with the inputs `input_names`, to be read a batch at a time.

    `path` is an .npz keyed by input name (`labels` apart), an .npy for a model of one input, a folder of images (class
    sub-folders give the labels in sorted order), a dataset that Hugging Face's `save_to_disk` wrote, a tar archive, a
    Parquet file, or a folder, a brace range or a wildcard of these and of .npz files. Whatever does not fit raises
    InputError.
    """
    wanted = request or Request()
    with Stage(f"reading {str(path)!r}", InputError):
        return _opened(Path(path), input_names, wanted)


def _opened(source: Path, input_names: Sequence[str], wanted: Request) -> Stream:
    if not source.exists() and not is_pattern(source):
        raise InputError(f"there is no file or folder {str(source)!r}: check the path of the data")
    if wanted.limit is not None and wanted.limit < 1:
        raise InputError(f"{wanted.limit} samples of {str(source)!r} were asked for: ask for 1 or more")
    file = wanted.labels if is_label_file(wanted.labels) else None
    stream = _stream(source, input_names, replace(wanted, labels=None, by_folder=False) if file else wanted)
    if not len(stream):
        raise InputError(f"{str(source)!r} holds no samples: give one or more")
    stream = with_label_file(stream, Path(file)) if file else stream
    whole = isinstance(stream, InMemory) and wanted.axes is not None and wanted.axes.joint
    return stream if whole else drawn(stream, wanted.limit, wanted.sampling, wanted.seed)


def _stream(source: Path, input_names: Sequence[str], wanted: Request) -> Stream:
    if source.is_dir():
        return _folder(source, input_names, wanted)
    if source.exists() and not source.is_file():  # a pipe would be waited for, a device read for ever
        raise InputError(f"{str(source)!r} is no ordinary file: give {WANTED}")
    files = [source] if source.exists() else expand(source)
    suffix = files[0].suffix.lower()
    other = next((file for file in files if file.suffix.lower() != suffix), None)
    if other is not None:
        raise InputError(f"{str(files[0])!r} and {str(other)!r} are of two kinds: give files of one kind")
    return _files(files, suffix, str(source), input_names, wanted)


def _files(files: list[Path], suffix: str, where: str, input_names: Sequence[str], wanted: Request) -> Stream:
    axes, preprocessing = wanted.axes or BatchAxes(), wanted.preprocessing or Preprocessing()
    if suffix == ".tar":
        return TarShards(files, input_names, preprocessing, wanted.labels, where, wanted.by_folder)
    if suffix in (".parquet", ".pq"):
        return ParquetFiles(files, input_names, preprocessing, wanted.labels, where)
    if suffix == ".npz" and len(files) > 1:
        return ArrayFiles(files, input_names, axes, wanted.labels or LABELS, where)
    readers: dict[str, Callable[[Path, Sequence[str]], Mapping[str, np.ndarray]]] = {".npz": read_npz, ".npy": _npy}
    reader = readers.get(suffix)
    if reader is None and suffix in COMPRESSED:
        raise compressed(files[0])
    if len(files) > 1:
        raise InputError(f"{where!r} is no set of .tar, .parquet or .npz files: join them first")
    if reader is None:
        raise InputError(f"{where!r} is no data file: give {WANTED}")
    arrays = dict(reader(files[0], input_names))
    if wanted.labels is not None:
        if wanted.labels not in arrays:
            raise InputError(f"{where!r} has no labels {wanted.labels!r}: it has {', '.join(arrays)}")
        arrays[LABELS] = arrays.pop(wanted.labels)
    return InMemory(make_samples(arrays, input_names, where, axes=axes), axes, where)


def _folder(folder: Path, input_names: Sequence[str], wanted: Request) -> Stream:
    preprocessing = wanted.preprocessing or Preprocessing()
    if is_saved_dataset(folder):
        return SavedDataset(folder, input_names, preprocessing, wanted.labels)
    inside = sorted(child for child in folder.iterdir() if child.is_file() and not child.name.startswith("."))
    images = any(is_image(child.name) for child in inside)
    for suffix in (".tar", ".parquet", ".npz"):
        files = [child for child in inside if child.suffix.lower() == suffix]
        if files and not images:
            return _files(files, suffix, str(folder), input_names, wanted)
    packed = next(
        (child for child in inside if child.suffix.lower() in COMPRESSED and ".t" in child.name.lower()), None
    )
    if packed is not None and not images:
        raise compressed(packed)
    if len(input_names) != 1:
        raise InputError(
            f"{str(folder)!r} is a folder of images, and the model has the inputs {', '.join(input_names)}: "
            "give an .npz"
        )
    if wanted.labels is not None:
        raise InputError(f"{str(folder)!r} is a folder of images, which has no column {wanted.labels!r}: give a file")
    return ImageFolder(folder, input_names[0], preprocessing, wanted.by_folder)


def _npy(file: Path, input_names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Return the array in `file`, mapped into memory where it is large."""
    if len(input_names) == 1 and file.stat().st_size > MAPPED:
        try:
            return {input_names[0]: np.load(file, mmap_mode="r", allow_pickle=False)}
        except ValueError:  # the other reader says what is wrong
            return read_npy(file, input_names)
    return read_npy(file, input_names)
