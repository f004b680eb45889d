"""Data sets of images by configuration: the arrays in models/data, image folders, and Hugging Face's `datasets`."""

from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from models.config import DataConfig
from models.data import SHAPES, load
from onnx2snn.data.images import Preprocessing, list_images, prepare, read_image
from onnx2snn_runtime.errors import InputError

HUB = {"cifar10": "uoft-cs/cifar10", "cifar100": "uoft-cs/cifar100", "imagenet": "ILSVRC/imagenet-1k"}
SPLITS = {"train": ("train",), "test": ("val", "validation", "test")}
IMAGES, LABELS = ("image", "img"), ("label", "labels", "fine_label")

Sample = tuple[np.ndarray, int]


class ArrayImages(Dataset[Sample]):
    """Images that are in memory."""

    def __init__(self, image: np.ndarray, label: np.ndarray) -> None:
        self.image, self.label = image, label

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, index: int) -> Sample:
        """Return an image [channels, height, width] and its class."""
        return self.image[index], int(self.label[index])


class FolderImages(Dataset[Sample]):
    """Images in a folder of folders, one a class; they are read when they are asked for."""

    def __init__(self, folder: Path, preprocessing: Preprocessing) -> None:
        self.files, labels = list_images(folder)
        if labels is None:
            raise InputError(f"{str(folder)!r} holds images without classes: put them into a folder a class")
        self.label, self.preprocessing = labels, preprocessing

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        """Return an image [channels, height, width] and its class."""
        return read_image(self.files[index], self.preprocessing), int(self.label[index])


class HubImages(Dataset[Sample]):
    """A split of a Hugging Face data set with a column of images and one of labels."""

    def __init__(self, data: Any, preprocessing: Preprocessing) -> None:
        self.data, self.preprocessing = data, preprocessing
        self.image, self.label = (_column(data.column_names, names) for names in (IMAGES, LABELS))

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> Sample:
        """Return an image [channels, height, width] and its class."""
        row = self.data[int(index)]
        return prepare(row[self.image], self.preprocessing), int(row[self.label])


def open_images(config: DataConfig, split: str, preprocessing: Preprocessing | None = None) -> Dataset[Sample]:
    """Return the split ("train" or "test") of the data set; what is absent raises InputError.

    `preprocessing` is by default that of `config`.
    """
    if config.name in ("digits", "mnist"):
        data = load(config.name)
        return ArrayImages(*(data[:2] if split == "train" else data[2:]))
    made = preprocessing or own_preprocessing(config)
    if config.name == "folder":
        return FolderImages(_split_folder(config.path, split), made)
    return HubImages(_hub(config, split), made)


def own_preprocessing(config: DataConfig) -> Preprocessing:
    """Return the size and normalisation of `config`."""
    shape = SHAPES.get(config.name)
    size = (config.size, config.size) if config.size else shape and shape[1:]
    resize = round(config.size / 0.875) if config.size and config.size > 64 else None
    return Preprocessing(size, resize, tuple(config.mean), tuple(config.std))


def _split_folder(path: str | None, split: str) -> Path:
    if path is None:
        raise InputError("a data set of images in a folder needs its path: data.path=FOLDER")
    for name in SPLITS[split]:
        if Path(path, name).is_dir():
            return Path(path, name)
    raise InputError(f"{path!r} has no folder {' or '.join(SPLITS[split])}: put the images there, a folder a class")


def _hub(config: DataConfig, split: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise InputError(f"the data set {config.name!r} needs the package datasets: pip install datasets") from error
    name = HUB.get(config.name, config.name)
    try:
        found = datasets.load_from_disk(config.path) if config.path else datasets.load_dataset(name)
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"the data set {config.name!r} cannot be had ({reason}): give data.path=FOLDER") from error
    for part in SPLITS[split]:
        if part in found:
            return found[part]
    raise InputError(f"the data set {config.name!r} has no split {' or '.join(SPLITS[split])}: it has {list(found)}")


def _column(columns: list[str], names: tuple[str, ...]) -> str:
    for name in names:
        if name in columns:
            return name
    raise InputError(f"the data set has no column {' or '.join(names)}: it has {', '.join(columns)}")
