"""Image files of a folder as a stream: decoded when they are read, by Pillow."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onnx2snn.data.arrays import Samples, empty_batch
from onnx2snn.data.folders import image_names
from onnx2snn.data.images import Preprocessing, read_image
from onnx2snn.data.streams.base import Stream
from onnx2snn_runtime.errors import InputError


class ImageFolder(Stream):
    """The images in `folder`, sorted; those in sub-folders are labelled with the index of theirs in sorted order.

    With `labelled` False they have no labels, and may lie anywhere in it.
    """

    drawing = "spread"

    def __init__(self, folder: Path, name: str, preprocessing: Preprocessing, labelled: bool = True) -> None:
        self.where, self.name, self.preprocessing = str(folder), name, preprocessing
        self.files, self.labels = image_names(folder, labelled)
        self.shape = read_image(folder / self.files[0], preprocessing).shape

    def __len__(self) -> int:
        return len(self.files)

    def names(self) -> list[str]:
        """Return the paths within the folder."""
        return self.files

    def read(self, places: Sequence[int]) -> Samples:
        """Return the images at `places` as one array; unreadable or of another size: InputError."""
        images = empty_batch(len(places), self.shape, self.preprocessing.dtype)
        for i, place in enumerate(places):
            image = read_image(Path(self.where, self.files[place]), self.preprocessing)
            images[i] = same_size(image, self.shape, self.files[0], self.files[place], self.where)
        labels = None if self.labels is None else self.labels[list(places)]
        return Samples({self.name: images}, labels, len(places))


def same_size(image: np.ndarray, shape: tuple[int, ...], first: str, name: str, where: str) -> np.ndarray:
    """Return `image`; one of another shape than the first raises InputError."""
    if image.shape != shape:
        raise InputError(f"the images {Path(first).name!r} and {Path(name).name!r} in {where!r} differ in size: "
                         "set a size")  # fmt: skip
    return image
