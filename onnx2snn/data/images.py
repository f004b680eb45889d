"""Reads a folder of images as one array, resized, cropped and normalised, with Pillow."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from onnx2snn.data.faults import FAULTS
from onnx2snn.data.folders import list_images
from onnx2snn_runtime.errors import InputError

LAYOUTS = ("nchw", "nhwc")
CHANNELS = ("rgb", "bgr", "gray")


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of images: `(pixel * scale - mean) / std`, pixels from 0 to 255, channels in order `channels`.

    Images are resized (bilinear) to cover `size` (height, width), or their shorter side to `resize` pixels, and the
    centre is cropped; without `size` all images must be of one size. `mean` and `std` have one number, or one per
    channel. `layout` is "nchw" or "nhwc"; `dtype` is the numpy dtype of the result.
    """

    size: tuple[int, int] | None = None
    resize: int | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1 / 255
    layout: str = "nchw"
    channels: str = "rgb"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        depth = 1 if self.channels == "gray" else 3
        if self.layout not in LAYOUTS or self.channels not in CHANNELS:
            raise InputError(
                f"images have the layout {self.layout!r} and the channels {self.channels!r}: "
                f"choose among {', '.join(LAYOUTS)} and {', '.join(CHANNELS)}"
            )
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, depth):
                raise InputError(f"the {name} of images has {len(values)} numbers: give 1 or {depth}")
        if any(value == 0 for value in self.std):
            raise InputError("the std of images is 0: give a number to divide by")
        if (self.size is not None and min(self.size) < 1) or (self.resize is not None and self.resize < 1):
            raise InputError("the size of images is below 1 pixel: give 1 or more")

    def fitted(self, shape: Sequence[int], dtype: str = "float32") -> "Preprocessing":
        """Return a copy for a model input of `shape` (4 dimensions, 0: any): its layout, channels and size."""
        if len(shape) != 4:
            return replace(self, dtype=dtype)
        last = shape[3] in (1, 3) and shape[1] not in (1, 3)
        height_width = (shape[1], shape[2]) if last else (shape[2], shape[3])
        depth = shape[3] if last else shape[1]
        size = self.size or (height_width if all(height_width) else None)
        channels = "gray" if depth == 1 and self.channels == "rgb" else self.channels
        return replace(self, size=size, layout="nhwc" if last else "nchw", channels=channels, dtype=dtype)


def read_image_folder(
    folder: Path, preprocessing: Preprocessing, limit: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the images in `folder`, [N, C, H, W] or [N, H, W, C], and their labels int64 [N] or None.

    Images in sub-folders are labelled with the index of their folder in sorted order. `limit` takes that many, spread
    evenly over the sorted files. No images, unreadable images and images of different sizes raise InputError.
    """
    files, labels = list_images(folder)
    if limit is not None and limit < len(files):
        chosen = np.linspace(0, len(files) - 1, limit).round().astype(int)
        files = [files[i] for i in chosen]
        labels = None if labels is None else labels[chosen]
    first = read_image(files[0], preprocessing)
    images = np.empty((len(files), *first.shape), preprocessing.dtype)
    for i, file in enumerate(files):
        image = first if i == 0 else read_image(file, preprocessing)
        if image.shape != first.shape:
            raise InputError(
                f"the images {files[0].name!r} and {file.name!r} in {str(folder)!r} differ in size: set a size"
            )
        images[i] = image
    return images, labels


def prepare(image: Any, p: Preprocessing) -> np.ndarray:
    """Return a Pillow image as an array [C, H, W] or [H, W, C] of `p.dtype`.

    Of 16 bits a channel the upper 8 are taken, an alpha channel is left out, and the orientation in EXIF is not applied
    (as in torchvision's datasets).
    """
    image = _of_bytes(image).convert("L" if p.channels == "gray" else "RGB")
    if p.size is not None or p.resize is not None:
        image = _resized(image, p)
    pixels: np.ndarray = np.asarray(image, np.float32)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    pixels = pixels[:, :, ::-1] if p.channels == "bgr" else pixels
    if np.issubdtype(np.dtype(p.dtype), np.floating):
        pixels = np.multiply(pixels, np.float32(p.scale))
        if any(p.mean):
            pixels -= np.asarray(p.mean, np.float32)  # in place: the memory of large images comes and goes in pieces
        if any(value != 1 for value in p.std):
            pixels /= np.asarray(p.std, np.float32)
    return (pixels.transpose(2, 0, 1) if p.layout == "nchw" else pixels).astype(p.dtype, copy=False)


def _resized(image: Any, p: Preprocessing) -> Any:
    """Return `image` resized with its aspect ratio to cover the wanted size, its centre cropped."""
    width, height = image.size
    wanted_height, wanted_width = p.size or (0, 0)
    factor = p.resize / min(width, height) if p.resize else 0.0
    factor = max(factor, wanted_width / width, wanted_height / height)
    width, height = max(round(width * factor), wanted_width), max(round(height * factor), wanted_height)
    image = image.resize((width, height), resample=2)  # Pillow's BILINEAR
    if p.size is None:
        return image
    left, top = (width - wanted_width) // 2, (height - wanted_height) // 2
    return image.crop((left, top, left + wanted_width, top + wanted_height))


def read_image(file: Path, preprocessing: Preprocessing) -> np.ndarray:
    """Return one image file as an array; one that cannot be read raises InputError."""
    return _decoded(file, repr(str(file)), preprocessing)


def read_image_bytes(raw: bytes, what: str, preprocessing: Preprocessing) -> np.ndarray:
    """Return an encoded image as an array; one that cannot be read raises InputError, which says `what` it is."""
    return _decoded(io.BytesIO(raw), what, preprocessing)


def _decoded(source: Any, what: str, preprocessing: Preprocessing) -> np.ndarray:
    module = _pillow()
    try:
        with module.open(source) as image:
            return prepare(image, preprocessing)
    except FileNotFoundError as error:
        raise InputError(f"the image {what} is not there, or is a link to nothing: remove it or replace it") from error
    except _WideError as error:
        raise InputError(f"the image {what} has pixels of 32 bits: save it with 8 or 16 bits a channel") from error
    except (*FAULTS, module.DecompressionBombError) as error:
        raise InputError(f"the image {what} cannot be read: remove it or replace it") from error


class _WideError(Exception):
    """An image of numbers of 32 bits, whose range nobody knows."""


def _of_bytes(image: Any) -> Any:
    """Return a Pillow image whose pixels go from 0 to 255, as `convert` takes them; it clips what is above."""
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")  # older Pillow's mode
    if sixteen:
        return _pillow().fromarray((np.asarray(image) >> 8).astype(np.uint8))  # the high byte, as of 16 bits in colour
    if image.mode in ("I", "F"):
        raise _WideError
    transparent = image.mode == "P" and "transparency" in image.info
    return image.convert("RGBA") if transparent else image  # else Pillow warns


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError("images are read with Pillow, which is absent: pip install 'onnx2snn[images]'") from error
    return Image
