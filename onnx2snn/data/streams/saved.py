"""A dataset folder that Hugging Face's `save_to_disk` wrote as a stream, through the optional package `datasets`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnx2snn.data.arrays import Samples, make_samples
from onnx2snn.data.faults import FAULTS
from onnx2snn.data.images import Preprocessing
from onnx2snn.data.streams.base import Stream
from onnx2snn.data.streams.columns import as_array, input_column, label_column
from onnx2snn_runtime.errors import InputError, Stage, first_line


def is_saved_dataset(folder: Path) -> bool:
    """Return whether `folder` was written by `save_to_disk`."""
    return any((folder / name).is_file() for name in ("state.json", "dataset_dict.json"))


class SavedDataset(Stream):
    """The columns that the model takes, by input name, and labels where the dataset has `label(s)`, or `label` says.

    A model of one input also takes the column of images. Absent columns, ragged rows and a dataset of several splits
    raise InputError. The rows stay in the files, which `datasets` maps into memory.
    """

    def __init__(self, folder: Path, inputs: Sequence[str], preprocessing: Preprocessing, label: str | None) -> None:
        self.where, self.inputs, self.preprocessing = str(folder), list(inputs), preprocessing
        self.data = _loaded(folder).with_format("arrow")  # whatever it was saved with; images stay encoded
        columns = list(self.data.column_names)
        self.columns = {name: input_column(name, columns, inputs, self.where) for name in inputs}
        self.label = label_column(label, columns, inputs, self.where)

    def __len__(self) -> int:
        return len(self.data)

    def read(self, places: Sequence[int]) -> Samples:
        """Return the rows at `places` as arrays."""
        wanted = self.columns | ({} if self.label is None else {"labels": self.label})
        with Stage(f"reading the dataset {self.where!r}", InputError):
            table = self.data.select(places)[:]
            arrays = {
                name: as_array(table[column], column, self.where, self.preprocessing, places)
                for name, column in wanted.items()
            }
        return make_samples(arrays, self.inputs, self.where)


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
    try:
        return datasets.load_from_disk(str(folder))
    except FAULTS as error:
        raise InputError(
            f"the dataset {str(folder)!r} is damaged or empty ({first_line(error)}): save it again with save_to_disk"
        ) from error
