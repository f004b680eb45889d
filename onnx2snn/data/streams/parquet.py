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
        self.groups: list[tuple[str, int, int]] = []  # file, number, and its first row in the file
        counts: list[int] = []
        chosen: list[tuple[dict[str, str], str | None]] = []
        for file in map(str, files):
            opened = _opened(file)
            columns = list(opened.schema_arrow.names)
            chosen.append(
                (
                    {n: input_column(n, columns, inputs, file) for n in inputs},
                    label_column(label, columns, inputs, file),
                )
            )
            if chosen[-1] != chosen[0]:
                raise InputError(f"{file!r} has other columns of inputs or labels than {str(files[0])!r}: rename them")
            own = [opened.metadata.row_group(group).num_rows for group in range(opened.metadata.num_row_groups)]
            self.groups += [(file, group, sum(own[:group])) for group in range(len(own))]
            counts += own
        self.columns, self.label = chosen[0]
        self.ends = np.cumsum(counts)
        self._held: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: not the rows that are held."""
        return {**self.__dict__, "_held": None}

    def read(self, places: Sequence[int]) -> Samples:
        """Return the rows at `places` as arrays."""
        wanted = self.columns | ({} if self.label is None else {"labels": self.label})
        parts = [self._part(part, inside, wanted) for part, inside in places_by_part(places, self.ends)]
        arrays = {}
        for name, column in wanted.items():
            values = [part[name] for part in parts]
            if any(value.shape[1:] != values[0].shape[1:] for value in values):
                raise InputError(f"the rows of {column!r} in {self.where!r} differ in shape: pad or resize them")
            arrays[name] = np.concatenate(values)
        return make_samples(arrays, self.inputs, self.where)

    def _part(self, part: int, inside: list[int], wanted: dict[str, str]) -> dict[str, np.ndarray]:
        """Return the rows `inside` a row group, the arrays by input name and `labels`."""
        file, _, first = self.groups[part]
        rows, table = [first + row for row in inside], self._group(part)
        with Stage(f"reading {file!r}", InputError):
            taken = table.take(inside)
            return {n: as_array(taken[column], column, file, self.preprocessing, rows) for n, column in wanted.items()}

    def _group(self, part: int) -> Any:
        held = self._held
        if held is None or held[0] != part:
            file, group, _ = self.groups[part]
            names = [*self.columns.values(), *([] if self.label is None else [self.label])]
            with Stage(f"reading {file!r}", InputError):
                held = part, _without_views(_opened(file).read_row_group(group, columns=list(dict.fromkeys(names))))
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


def _without_views(table: Any) -> Any:
    """Return `table` with the type `large_binary` for `binary_view`, of which pyarrow takes no rows."""
    import pyarrow

    fields = [
        field.with_type(pyarrow.large_binary()) if str(field.type) == "binary_view" else field for field in table.schema
    ]
    return table.cast(pyarrow.schema(fields))
