"""What a reference network says about its own training."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from models.data import SHAPES


@dataclass(frozen=True)
class Recipe:
    """How one reference network is made: the network, its data, and the settings that reach `target`.

    `build` makes the untrained network, a module from images `[batch, channels, height, width]` in [0, 1] to
    logits `[batch, classes]`. `target` is the least accuracy on the test images that a training may end with.
    """

    build: Callable[[], nn.Module]
    dataset: str
    epochs: int
    target: float
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    batch_size: int = 64
    augmentation: float = 1.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of the images."""
        return SHAPES[self.dataset]
