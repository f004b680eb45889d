"""Paths and sample data of the commands."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx

from onnx2snn import zoo
from onnx2snn.cli import console
from onnx2snn.data.arrays import Samples
from onnx2snn.data.for_model import open_data, whole
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import writing

NEUTRAL = ((0.0,), (1.0,))
"""A mean and a deviation that change nothing."""


def check_output(path: Path, force: bool, *sources: Path) -> None:
    """Raise InputError where `path` cannot or must not be written, before any work is done."""
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: give the path of a file to write")
    if any(source.exists() and path.exists() and path.samefile(source) for source in sources):
        raise InputError(f"{str(path)!r} is read and cannot be written too: choose another --output")
    if path.exists() and not path.is_file():  # it would be replaced, be it a device
        raise InputError(f"{str(path)!r} is no ordinary file: give the path of one to write")
    if path.exists() and not force:
        raise InputError(f"{str(path)!r} exists: choose another path, or overwrite it with --force")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {str(path.parent)!r} to write {path.name!r} to: make it first")


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write `arrays` to an .npz by name, or the only one to an .npy, whole or not at all."""
    with writing(path) as partial, partial.open("wb") as file:
        if path.suffix.lower() == ".npy":
            np.save(file, next(iter(arrays.values())))
        else:
            np.savez(file, **arrays)  # type: ignore[arg-type]


def read_data(path: Path, proto: onnx.ModelProto, limit: int | None, image_options: dict[str, Any]) -> Samples:
    """Return the samples of `open_data`, all of them in memory."""
    return whole(open_data(path, proto, limit, image_options))


def read_named(name: Path, pretrained: bool, image_options: dict[str, Any]) -> onnx.ModelProto:
    """Return the model `name` of the zoo; its own normalisation takes the place of none in `image_options`."""
    made = zoo.load(name, pretrained=pretrained, size=image_options.get("size"))
    if image_options.get("mean") == NEUTRAL[0] and image_options.get("std") == NEUTRAL[1]:
        image_options |= {"mean": made.mean, "std": made.std}
    if made.size is not None and image_options.get("resize") is None:
        image_options |= {"size": made.size[1:], "resize": made.resize}
    return made.proto


def warn_of_nan(counts: dict[str, int], samples: int) -> None:
    """Warn of samples that hold a NaN, of which the plain network makes NaN too; `counts` of each input."""
    for name, bad in counts.items():
        console.warn(f"{bad} of {samples} samples of the input {name!r} hold NaN: figures of them say little")


def take_image_options(options: dict[str, Any]) -> dict[str, Any]:
    """Remove the --image-... options from `options` and return them by their short names."""
    prefix = "image_"
    return {name[len(prefix) :]: options.pop(name) for name in list(options) if name.startswith(prefix)}
