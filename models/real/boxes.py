"""Boxes of detectors: the choice among overlapping ones, and how far two networks agree on them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Found:
    """The boxes of one picture, `[boxes, 4]` as x1, y1, x2, y2, with their scores and classes."""

    corners: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


def overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union of one box with others `[boxes, 4]`."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    area, areas = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(1)
    return common / np.maximum(area + areas - common, 1e-9)


def chosen(centres: np.ndarray, scores: np.ndarray, threshold: float, most: float = 0.45) -> Found:
    """Return the boxes whose best score exceeds `threshold`, none overlapping a better one by more than `most`.

    `centres` are `[boxes, 4]` as x, y, width, height, `scores` `[boxes, classes]`.
    """
    corners = np.concatenate([centres[:, :2] - centres[:, 2:] / 2, centres[:, :2] + centres[:, 2:] / 2], 1)
    best, classes = scores.max(1), scores.argmax(1)
    order = [i for i in np.argsort(-best, kind="stable") if best[i] > threshold]
    kept: list[int] = []
    for index in order:
        if not kept or overlaps(corners[index], corners[kept]).max() <= most:
            kept.append(index)
    return Found(corners[kept], best[kept], classes[kept])


@dataclass(frozen=True)
class Agreement:
    """Pictures, those with boxes, and with as many from both networks; boxes of the plain one, their median overlap."""

    pictures: int
    with_boxes: int
    same_number: int
    boxes: int
    median_overlap: float

    def __str__(self) -> str:
        same = f"as many boxes on {self.same_number} of {self.pictures} pictures ({self.with_boxes} with any)"
        return f"{same}; median intersection over union {self.median_overlap:.4f} over {self.boxes} boxes"


def agreement(plain: list[Found], spiking: list[Found]) -> Agreement:
    """Return how the boxes of a spiking network lie on those of the plain one, picture by picture.

    Each box of the plain network is met by the box of its class that overlaps it most, 0 where there is none.
    """
    best = []
    for ours, theirs in zip(plain, spiking, strict=True):
        for box, label in zip(ours.corners, ours.classes, strict=True):
            alike = theirs.corners[theirs.classes == label]
            best.append(float(overlaps(box, alike).max()) if len(alike) else 0.0)
    same = sum(len(a.corners) == len(b.corners) for a, b in zip(plain, spiking, strict=True))
    some = sum(len(ours.corners) > 0 for ours in plain)
    return Agreement(len(plain), some, same, len(best), float(np.median(best)) if best else 0.0)
