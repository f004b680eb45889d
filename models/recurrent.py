"""Recurrent classifiers (LSTM, GRU) that read an image row by row."""

from functools import partial

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class Recurrent(nn.Module):
    """A recurrent layer over the rows of an image, and a linear classifier of its last output.

    Args:
        layer: nn.LSTM or nn.GRU.
        size: width of the images.
        width: width of the recurrent state.
        classes: number of classes.
    """

    def __init__(self, layer: type[nn.LSTM] | type[nn.GRU], size: int = 8, width: int = 32, classes: int = 10):
        super().__init__()
        self.layer = layer(size, width, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        return self.classifier(self.layer(image.squeeze(1))[0].mean(1))


@networks.register("digits_lstm")
def digits_lstm() -> Recipe:
    """Return the recipe for the 8x8 digits."""
    return Recipe(partial(Recurrent, nn.LSTM), "digits", epochs=40, target=0.95, learning_rate=1e-2, augmentation=0.5)


@networks.register("digits_gru")
def digits_gru() -> Recipe:
    """Return the recipe for the 8x8 digits."""
    return Recipe(partial(Recurrent, nn.GRU), "digits", epochs=40, target=0.95, learning_rate=1e-2, augmentation=0.5)
