"""Batches of training images, shuffled and changed at random."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader

from models.augment import augment
from models.config import Config
from models.data import Dataset as Arrays

Batch = tuple[torch.Tensor, torch.Tensor]


def from_memory(data: Arrays, config: Config, generator: torch.Generator) -> Iterator[Batch]:
    """Yield the training images in a new order, changed at random."""
    image, label = torch.from_numpy(data.train_image), torch.from_numpy(data.train_label)
    size = config.training.batch_size
    # The last, short batch is left out: its statistics would disturb batch normalization.
    for batch in torch.randperm(len(image), generator=generator).split(size)[: max(1, len(image) // size)]:
        yield _changed(image[batch], config, generator), label[batch]


def from_disk(images: Any, config: Config, generator: torch.Generator) -> Iterator[Batch]:
    """Yield images that are read as they are needed, in a new order, changed at random."""
    size = config.training.batch_size
    loader = DataLoader(
        images, size, shuffle=True, generator=generator, num_workers=config.data.workers,
        drop_last=len(images) >= size, pin_memory=config.training.device != "cpu",
    )  # fmt: skip
    for image, label in loader:
        yield _changed(image, config, generator), label


def _changed(image: torch.Tensor, config: Config, generator: torch.Generator) -> torch.Tensor:
    changed = augment(image, config.training.augmentation, generator)
    if not config.training.flip:
        return changed
    mirrored = torch.rand(len(image), 1, 1, 1, generator=generator) < 0.5
    return torch.where(mirrored, changed.flip(3), changed)
