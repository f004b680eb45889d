"""What the reference networks are trained and tested on; models/data/README.md names the sources."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.sounds import SAMPLES, tones
from onnx2snn_runtime.errors import InputError

SHAPES = {
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "cifar100": (3, 32, 32),
    "tones": (1, 1, SAMPLES),
}
"""Channels, height and width of the images; CIFAR is read by models.datasets."""

_FILE = Path(__file__).parent / "data" / "images.npz"
# The brightest level of the stored integers: sixteen in the 8x8 digits, a byte in MNIST.
_BRIGHTEST = {"digits": 16, "mnist": 255}


class Dataset(NamedTuple):
    """Images, float32 `[n, 1, height, width]` in [0, 1], and labels, int64 `[n]`, to train and to test on."""

    train_image: np.ndarray
    train_label: np.ndarray
    test_image: np.ndarray
    test_label: np.ndarray


def load(name: str) -> Dataset:
    """Return the data set called `name`, "digits", "mnist" or "tones"; another name raises InputError."""
    if name == "tones":
        return Dataset(*tones(2000, seed=1), *tones(500, seed=2))
    if name not in _BRIGHTEST:
        raise InputError(f"there is no data set {name!r}: known are {', '.join(_BRIGHTEST)}, tones")
    parts = []
    with np.load(_FILE) as stored:
        for split in ("train", "test"):
            parts.append((stored[f"{name}_{split}_image"] / np.float32(_BRIGHTEST[name]))[:, None])
            parts.append(stored[f"{name}_{split}_label"].astype(np.int64))
    return Dataset(*parts)
