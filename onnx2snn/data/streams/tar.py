"""Tar archives of images or arrays as a stream: those of WebDataset, and image folders that were packed."""

import io
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from onnx2snn.data.arrays import Samples, empty_batch, make_samples
from onnx2snn.data.faults import FAULTS
from onnx2snn.data.images import Preprocessing, read_image_bytes
from onnx2snn.data.streams.base import Stream
from onnx2snn.data.streams.images import same_size
from onnx2snn.data.streams.tar_index import TarIndex, index_of
from onnx2snn_runtime.errors import InputError

IMAGES = ("jpg", "jpeg", "png")
LABEL = "cls"


class TarShards(Stream):
    """The samples of `shards`, in the order of the archives.

    The input of a model of one is an image (.jpg, .jpeg, .png) or an array (.npy); an array can be called as its input,
    KEY.INPUT.npy, and an .npz holds them by name. Labels are whole numbers in .cls, or in a member or a field of .json
    that `label` names; without any they come from the folders within the archives, in sorted order.
    """

    drawing = "spread"

    def __init__(
        self, shards: Sequence[Path], inputs: Sequence[str], preprocessing: Preprocessing, label: str | None, where: str
    ) -> None:
        self.where, self.inputs, self.preprocessing = where, list(inputs), preprocessing
        self.index = index_of(shards)
        self.images = [extension for extension in IMAGES if extension in self.index.members]
        self._leave_out_others()
        self.label = self._label(label)
        self.folders = None if self.label else _folders(self.index.keys)
        self.shape: tuple[int, ...] | None = None
        first = self.read([0])
        self.shape = first.inputs[self.inputs[0]].shape[1:] if self.images else None

    def __len__(self) -> int:
        return len(self.index.keys)

    def names(self) -> list[str]:
        """Return the keys."""
        return self.index.keys

    def read(self, places: Sequence[int]) -> Samples:
        """Return the samples at `places` as arrays."""
        stacked = self._together(places)
        labels = None if self.folders is None else self.folders[list(places)]
        if self.label is not None:
            labels = np.array([self._labelled(place) for place in places], np.int64)
        return make_samples(stacked | ({} if labels is None else {"labels": labels}), self.inputs, self.where)

    def _sample(self, place: int) -> dict[str, np.ndarray]:
        if self.images:
            extension = next((name for name in self.images if self.index.members[name][place, 0] >= 0), self.images[0])
            raw, what = self.index.bytes_of(place, extension), self.index.described(place, extension)
            image = read_image_bytes(raw, what, self.preprocessing)
            shape = self.shape or image.shape
            return {self.inputs[0]: same_size(image, shape, self.index.keys[0], self.index.keys[place], self.where)}
        if "npz" in self.index.members:
            loaded = _array(self.index, place, "npz")
            found = {name: loaded[name] for name in self.inputs if name in loaded.files}
            missing = [name for name in self.inputs if name not in found]
            if missing:
                raise InputError(f"the arrays {self.index.described(place, 'npz')} lack the input {missing[0]!r}")
            return found
        return {name: _array(self.index, place, self._array_of(name)) for name in self.inputs}

    def _array_of(self, name: str) -> str:
        """Return the extension of the arrays of the input `name`."""
        known = self.index.members
        found = next(
            (ext for ext in (f"{name.lower()}.npy", "npy" if len(self.inputs) == 1 else "") if ext in known), ""
        )
        if not found:
            raise InputError(
                f"{self.where!r} has no images and no arrays for the input {name!r}: it has ."
                f"{', .'.join(sorted(known)) or 'nothing'}"
            )
        return found

    def _together(self, places: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the samples at `places` as one array an input, into which each is written as it is read."""
        found: dict[str, np.ndarray] = {}
        for i, place in enumerate(places):
            for name, row in self._sample(place).items():
                if name not in found:
                    found[name] = empty_batch(len(places), row.shape, row.dtype)
                if row.shape != found[name].shape[1:]:
                    raise InputError(f"the arrays of {name!r} in {self.where!r} differ in shape: pad or resize them")
                found[name][i] = row
        return found

    def _leave_out_others(self) -> None:
        """Leave out what is no sample: members beside the images of a packed folder, such as a text about them."""
        if not self.index.keys:
            raise InputError(f"{self.where!r} holds no samples: give archives of images or arrays")
        if self.images and len(self.inputs) != 1:
            raise InputError(f"{self.where!r} holds images, and the model has the inputs {', '.join(self.inputs)}: "
                             "write arrays, KEY.INPUT.npy")  # fmt: skip
        if self.images:
            kept = np.any([self.index.members[name][:, 0] >= 0 for name in self.images], axis=0)
            self.index.keys = [key for key, own in zip(self.index.keys, kept, strict=True) if own]
            self.index.shard = self.index.shard[kept]
            self.index.members = {name: table[kept] for name, table in self.index.members.items()}

    def _label(self, asked: str | None) -> str | None:
        """Return the extension that labels are under, with the field of .json behind a colon; None without any."""
        known = self.index.members
        if asked is None:
            return LABEL if LABEL in known else None
        if asked in known:
            return asked
        if "json" in known:
            return f"json:{asked}"
        raise InputError(f"{self.where!r} has no labels {asked!r}: its samples have .{', .'.join(sorted(known))}")

    def _labelled(self, place: int) -> int:
        extension, _, field = str(self.label).partition(":")
        raw, what = self.index.bytes_of(place, extension), self.index.described(place, extension)
        try:
            value = json.loads(raw)[field] if field else raw.decode().strip()
            return int(value)
        except KeyError as error:
            raise InputError(f"{what} has no field {field!r} with a label: name another") from error
        except (ValueError, TypeError) as error:
            raise InputError(f"the label {what} is no whole number: write the index of the class") from error


def _array(index: TarIndex, place: int, extension: str) -> Any:
    try:
        return np.load(io.BytesIO(index.bytes_of(place, extension)), allow_pickle=False)
    except InputError:
        raise
    except FAULTS as error:
        raise InputError(f"the array {index.described(place, extension)} is damaged: write it again") from error


def _folders(keys: Sequence[str]) -> np.ndarray | None:
    """Return the index of each sample's folder in sorted order, None where all lie in one."""
    parents = [str(PurePosixPath(key).parent) for key in keys]
    classes = {name: i for i, name in enumerate(sorted(set(parents)))}
    return np.array([classes[name] for name in parents], np.int64) if len(classes) > 1 else None
