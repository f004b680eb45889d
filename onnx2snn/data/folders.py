"""Finds the images in a folder, and their classes: the folders in it."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from onnx2snn_runtime.errors import InputError, Onnx2SnnWarning

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
"""Those that torchvision's ImageFolder reads; all by Pillow."""


def list_images(folder: Path) -> tuple[list[Path], np.ndarray | None]:
    """Return the image files in `folder`, and their labels int64 [N] where they lie in sub-folders."""
    names, labels = image_names(folder)
    return [folder / name for name in names], labels


def image_names(folder: Path, labelled: bool = True) -> tuple[list[str], np.ndarray | None]:
    """Return the paths of the images within `folder`, sorted, as text to save memory, and their labels.

    The label is the index of the sub-folder in sorted order, int64 [N], None where there are no sub-folders. With
    `labelled` False all images are taken, however deep they lie. Hidden files and folders are left out. No images,
    images beside folders of images, and images that lie deeper raise InputError; a sub-folder without any counts as a
    class, with a warning.
    """
    names = list(_within(folder)) if not labelled else _images_in(folder)
    if not labelled and names:
        return names, None
    classes = _folders_in(folder)
    inside = [_images_in(folder / name) for name in classes]
    if names and any(inside):
        raise InputError(f"{str(folder)!r} holds images beside folders of images: use either, labels come from folders")
    for name in classes:
        _check_depth(folder, name)
    if names:
        return names, None
    if not any(inside):
        raise InputError(
            f"{str(folder)!r} is a folder without images ({', '.join(SUFFIXES)}): give one, or an .npz file"
        )
    _warn_of_empty(folder, classes, inside)
    labels = np.repeat(np.arange(len(inside)), [len(files) for files in inside])
    return [f"{name}/{file}" for name, files in zip(classes, inside, strict=True) for file in files], labels


def _images_in(folder: Path) -> list[str]:
    """Return the names of the images right in `folder`; a link to nowhere is one, and is missed when it is read."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if is_image(e.name) and (e.is_file() or _is_broken(e)))


def is_image(name: str) -> bool:
    """Return whether the file `name` is an image by its ending; hidden files are none, such as macOS's `._1.jpg`."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _folders_in(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def _is_broken(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not Path(entry.path).exists()


def _within(folder: Path, below: str = "") -> Iterator[str]:
    """Yield the paths within `folder` of all images, those of a folder before those of its sub-folders."""
    here = folder / below
    yield from (below + name for name in _images_in(here))
    for name in _folders_in(here):
        if not below or not (here / name).is_symlink():  # those further down may lead in a circle
            yield from _within(folder, f"{below}{name}/")


def _check_depth(folder: Path, name: str) -> None:
    """Raise InputError for images that lie deeper in `folder` than in its sub-folder `name`."""
    inner = [child for child in _folders_in(folder / name) if not (folder / name / child).is_symlink()]
    deeper = next((found for child in inner for found in _within(folder, f"{name}/{child}/")), None)
    if deeper is not None:
        raise InputError(
            f"{str(folder)!r} holds {deeper!r}, and the classes are the folders right in it: give the folder whose "
            "folders are the classes, or a file of labels"
        )


def _warn_of_empty(folder: Path, classes: list[str], inside: list[list[str]]) -> None:
    empty = [(name, i) for i, (name, files) in enumerate(zip(classes, inside, strict=True)) if not files]
    if empty:
        (name, label), more = empty[0], f", and {len(empty) - 1} more are empty" if len(empty) > 1 else ""
        warnings.warn(
            f"the folder {name!r} in {str(folder)!r} holds no images and counts as class {label}{more}: remove it if "
            "it is no class",
            Onnx2SnnWarning,
            stacklevel=2,
        )
