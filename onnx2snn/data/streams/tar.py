"""Tar archives of images or arrays as a stream: those of WebDataset, and image folders that were packed."""

import io
import json
import operator
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from onnx2snn.data.arrays import Samples, empty_batch, make_samples
from onnx2snn.data.faults import FAULTS
from onnx2snn.data.folders import SUFFIXES, is_image
from onnx2snn.data.images import Preprocessing, read_image_bytes
from onnx2snn.data.streams.base import Stream
from onnx2snn.data.streams.images import same_size
from onnx2snn.data.streams.tar_index import TarIndex, index_of
from onnx2snn_runtime.errors import InputError

IMAGES = tuple(suffix[1:] for suffix in SUFFIXES)
LABEL = "cls"


class TarShards(Stream):
    """The samples of `shards`, in the order of the archives.

    The input of a model of one is an image (.jpg, .png and so on) or an array (.npy); an array can be called as its
    input, KEY.INPUT.npy, and an .npz holds them by name. Labels are whole numbers in .cls, or in a member or a field of
    .json that `label` names; without any they come from the folders within the archives, in sorted order, but where
    `by_folder` is False.
    """

    drawing = "spread"

    def __init__(
        self, shards: Sequence[Path], inputs: Sequence[str], preprocessing: Preprocessing, label: str | None,
        where: str, by_folder: bool = True,
    ) -> None:  # fmt: skip
        self.where, self.inputs, self.preprocessing = where, list(inputs), preprocessing
        self.index = index_of(shards)
        self.images = [extension for extension in IMAGES if extension in self.index.members]
        self.label = self._label(label)
        self._leave_out_others()
        self.folders = _folders(self.index.keys, where) if by_folder and not self.label else None
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
        dotted = next((ext for ext in known if is_image(f"x.{ext}")), None)
        if not found and dotted is not None:
            raise self._dotted(dotted)
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
            self._check_left_out(np.flatnonzero(~kept))
            self.index.keys = [key for key, own in zip(self.index.keys, kept, strict=True) if own]
            self.index.shard = self.index.shard[kept]
            self.index.members = {name: table[kept] for name, table in self.index.members.items()}

    def _check_left_out(self, places: np.ndarray) -> None:
        """Raise InputError where what has no image, at `places`, was meant to be a sample."""
        for extension, table in self.index.members.items():
            own = places[table[places, 0] >= 0]
            if not own.size:
                continue
            if is_image(f"x.{extension}"):
                raise self._dotted(extension)
            if extension == self.label:
                member = self.index.described(int(own[0]), extension)
                raise InputError(f"{member} is a label without an image: leave it out, or add the image")

    def _dotted(self, extension: str) -> InputError:
        """Return the error for images of an `extension` such as `v2.jpg`."""
        place = int(np.flatnonzero(self.index.members[extension][:, 0] >= 0)[0])
        member = self.index.described(place, extension)
        return InputError(f"the extension of {member} begins at its first dot: rename it, without other dots")

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
            return int(value) if isinstance(value, str) else operator.index(value)
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


def _folders(keys: Sequence[str], where: str) -> np.ndarray | None:
    """Return the index of each sample's folder in sorted order, None where all lie in one.

    Folders of several depths, and two of one name, such as `train/cat` and `test/cat`, are no classes: InputError.
    """
    parents = [str(PurePosixPath(key).parent) for key in keys]
    classes = {name: i for i, name in enumerate(sorted(set(parents)))}
    if len(classes) == 1:
        return None
    named: dict[str, str] = {}
    for name in classes:
        same, first = named.setdefault(PurePosixPath(name).name, name), next(iter(classes))
        if same != name or _depth(name) != _depth(first):
            other = same if same != name else first
            raise InputError(
                f"{where!r} has samples in the folders {other!r} and {name!r}, and labels come from folders: pack the "
                "classes alone, or give a file of labels"
            )
    return np.array([classes[name] for name in parents], np.int64)


def _depth(folder: str) -> int:
    return 0 if folder == "." else 1 + folder.count("/")
