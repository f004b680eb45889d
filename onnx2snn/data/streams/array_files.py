"""Sets of .npz files as a stream, a file at a time."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.data.arrays import LABELS, Samples, make_samples, read_npz
from onnx2snn.data.faults import FAULTS
from onnx2snn.data.streams.base import Stream, places_by_part
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.batch import BatchAxes


class ArrayFiles(Stream):
    """The samples of `files`, in their order; each is an .npz by input name. The one that was read last is kept."""

    def __init__(self, files: Sequence[Path], inputs: Sequence[str], axes: BatchAxes, label: str, where: str) -> None:
        axes = axes if axes.inputs else BatchAxes()  # before a conversion nothing is known: samples are in front
        self.where, self.inputs, self.axes, self.label = where, list(inputs), axes, label
        self.files = [str(file) for file in files]
        if axes.joint or axes.single:
            raise InputError(f"the samples in {where!r} are run together, or one a call: give them as one .npz")
        self.ends = np.cumsum([self._count(file) for file in self.files])
        self._held: tuple[int, Samples] | None = None

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: not the arrays that are held."""
        return {**self.__dict__, "_held": None}

    def read(self, places: Sequence[int]) -> Samples:
        """Return the samples at `places`, of one file or of several."""
        parts = [(self._file(part), inside) for part, inside in places_by_part(places, self.ends)]
        inputs = {}
        for name in self.inputs:
            axis = self.axes.along(name, parts[0][0].inputs[name].ndim)
            taken = [
                part.inputs[name] if axis is None else np.take(part.inputs[name], inside, axis)
                for part, inside in parts
            ]
            if any(value.ndim != taken[0].ndim for value in taken) or _differ(taken, axis):
                raise InputError(f"the arrays {name!r} in {self.where!r} differ in shape: pad or resize them")
            inputs[name] = taken[0] if axis is None else np.concatenate(taken, axis)
        known = [None if part.labels is None else part.labels[inside] for part, inside in parts]
        labels = None if any(value is None for value in known) else np.concatenate([v for v in known if v is not None])
        return Samples(inputs, labels, len(places))

    def _file(self, part: int) -> Samples:
        held = self._held
        if held is None or held[0] != part:
            path = Path(self.files[part])
            arrays = read_npz(path, self.inputs)
            if self.label != LABELS and self.label in arrays:
                arrays[LABELS] = arrays.pop(self.label)
            elif self.label != LABELS:
                raise InputError(f"{str(path)!r} has no labels {self.label!r}: it has {', '.join(arrays)}")
            held = part, make_samples(arrays, self.inputs, str(path), axes=self.axes)
            self._held = held
        return held[1]

    def _count(self, file: str) -> int:
        """Return the samples in `file` by the header of its first input that has a batch axis."""
        for name in self.inputs:
            shape = _shape(file, name)
            axis = self.axes.along(name, len(shape))
            if axis is not None:
                return shape[axis]
        raise InputError(f"{file!r} has no input with an axis of samples: give it alone")


def _shape(file: str, name: str) -> tuple[int, ...]:
    try:
        with zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
            version = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape: tuple[int, ...] = read(member)[0]
            return shape
    except KeyError as error:
        raise InputError(f"{file!r} lacks the input {name!r}: write arrays by the names of the inputs") from error
    except FAULTS as error:
        raise InputError(f"{file!r} is damaged, or no .npz: write the data again") from error


def _differ(values: list[np.ndarray], axis: int | None) -> bool:
    if axis is None:
        return any(not np.array_equal(value, values[0]) for value in values)
    return len({(*v.shape[:axis], *v.shape[axis + 1 :]) for v in values}) > 1
