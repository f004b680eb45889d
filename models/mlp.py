"""A multilayer perceptron: linear layers with ReLU between them."""

from collections.abc import Sequence

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class Mlp(nn.Module):
    """`flatten`, then `linear -> ReLU` for every hidden layer, then a linear classifier.

    Args:
        pixels: number of pixels of an image.
        hidden: widths of the hidden layers.
        classes: number of classes.
    """

    def __init__(self, pixels: int = 784, hidden: Sequence[int] = (128, 64), classes: int = 10):
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        width = pixels
        for out in hidden:
            layers += [nn.Linear(width, out), nn.ReLU()]
            width = out
        self.layers = nn.Sequential(*layers, nn.Linear(width, classes))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, channels, height, width]` to logits `[batch, classes]`."""
        return self.layers(image)


@networks.register("mnist_mlp")
def mnist_mlp() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(Mlp, "mnist", epochs=30, target=0.95, augmentation=0.7)
