"""Parquet files as a stream, a row group at a time, through the optional package `pyarrow`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.data.arrays import Samples, make_samples
from onnx2snn.data.images import Preprocessing
from onnx2snn.data.streams.base import Stream, places_by_part
from onnx2snn.data.streams.columns import as_array, input_column, label_column
from onnx2snn_runtime.errors import InputError, Stage


class ParquetFiles(Stream):
    """The rows of `files`, in their order: columns by input name (lists are arrays, bytes are images), and labels.

    Absent columns, ragged rows and damaged files raise InputError. The row group that was read last is kept.
    """

    def __init__(
        self, files: Sequence[Path], inputs: Sequence[str], preprocessing: Preprocessing, label: str | None, where: str
    ) -> None:
        self.where, self.inputs, self.preprocessing = where, list(inputs), preprocessing
        self.groups: list[tuple[str, int]] = []
        counts: list[int] = []
        for file in files:
            opened = _opened(str(file))
            columns = list(opened.schema_arrow.names)
            self.columns = {name: input_column(name, columns, inputs, str(file)) for name in inputs}
            self.label = label_column(label, columns, inputs, str(file))
            for group in range(opened.metadata.num_row_groups):
                self.groups.append((str(file), group))
                counts.append(opened.metadata.row_group(group).num_rows)
        self.ends = np.cumsum(counts)
        self._held: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: not the rows that are held."""
        return {**self.__dict__, "_held": None}

    def read(self, places: Sequence[int]) -> Samples:
        """Return the rows at `places` as arrays."""
        parts = [self._group(part).take(inside) for part, inside in places_by_part(places, self.ends)]
        wanted = self.columns | ({} if self.label is None else {"labels": self.label})
        arrays = {}
        for name, column in wanted.items():
            values = [_array(part[column], column, self.where, self.preprocessing, places) for part in parts]
            if any(value.shape[1:] != values[0].shape[1:] for value in values):
                raise InputError(f"the rows of {column!r} in {self.where!r} differ in shape: pad or resize them")
            arrays[name] = np.concatenate(values)
        return make_samples(arrays, self.inputs, self.where)

    def _group(self, part: int) -> Any:
        held = self._held
        if held is None or held[0] != part:
            file, group = self.groups[part]
            names = [*self.columns.values(), *([] if self.label is None else [self.label])]
            with Stage(f"reading {file!r}", InputError):
                held = part, _opened(file).read_row_group(group, columns=list(dict.fromkeys(names)))
            self._held = held
        return held[1]


def _opened(file: str) -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(f"{file!r} is read by pyarrow, which is absent: pip install 'onnx2snn[streams]'") from error
    try:
        return parquet.ParquetFile(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{file!r} is damaged, or no Parquet file: write it again") from error


def _array(column: Any, name: str, where: str, preprocessing: Preprocessing, places: Sequence[int]) -> np.ndarray:
    """Return a column as one array; lists of equal lengths are flattened in Arrow, without Python objects."""
    values, shape = column.combine_chunks(), [len(column)]
    if hasattr(values, "chunks"):  # older pyarrow leaves a chunked array
        values = values.chunk(0)
    if hasattr(values, "to_numpy_ndarray"):
        found: np.ndarray = values.to_numpy_ndarray()
        return found
    kind = values.type
    while str(kind).startswith(("list", "fixed_size_list", "large_list")):
        flat = values.flatten()
        length = len(flat) // max(1, len(values))
        if values.null_count or length * len(values) != len(flat) or _ragged(values, length):
            raise InputError(f"the rows of {name!r} in {where!r} differ in shape: pad or resize them")
        values, kind = flat, flat.type
        shape.append(length)
    if len(shape) > 1 or not (str(kind).startswith(("struct", "binary", "large_binary"))):
        return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(shape)
    return np.asarray(as_array(values.to_pylist(), name, where, preprocessing, list(places)[: len(values)]))


def _ragged(values: Any, length: int) -> bool:
    lengths = getattr(values, "value_lengths", None)
    return lengths is not None and bool((np.asarray(lengths()) != length).any())
