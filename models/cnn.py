"""A convolutional network: stages of convolution, batch norm, ReLU and pooling, then a linear classifier."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class Cnn(nn.Module):
    """Stages of `conv 3x3 -> batch norm -> ReLU -> pool 2x2`, then a classifier with one hidden layer or none.

    Args:
        size: height and width of the images; every stage halves it, rounding down.
        channels: the output channels of every stage.
        hidden: width of the classifier's hidden layer, 0 for none.
        classes: number of classes.
        pool: what halves a stage, a module made with the window; averages are affine, maxima are not.
    """

    def __init__(
        self,
        size: int = 28,
        channels: Sequence[int] = (16, 32, 64),
        hidden: int = 48,
        classes: int = 10,
        pool: Callable[[int], nn.Module] = nn.MaxPool2d,
    ):
        super().__init__()
        stages: list[nn.Module] = []
        width = 1
        for out in channels:
            stages += [nn.Conv2d(width, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(), pool(2)]
            width = out
        self.features = nn.Sequential(*stages, nn.Flatten())
        flat = width * (size >> len(channels)) ** 2
        inner: list[nn.Module] = [nn.Linear(flat, hidden), nn.ReLU()] if hidden else []
        self.classifier = nn.Sequential(*inner, nn.Linear(hidden or flat, classes))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        return self.classifier(self.features(image))


@networks.register("digits_cnn")
def digits_cnn() -> Recipe:
    """Return the recipe of the demo's network, for the 8x8 digits."""
    build = partial(Cnn, size=8, channels=(16, 32), hidden=0)
    return Recipe(build, "digits", epochs=40, target=0.97, augmentation=0.5)


@networks.register("mnist_cnn")
def mnist_cnn() -> Recipe:
    """Return the recipe for MNIST: 50,000 parameters in three stages."""
    return Recipe(Cnn, "mnist", epochs=15, target=0.98)


@networks.register("mnist_relu_cnn")
def mnist_relu_cnn() -> Recipe:
    """Return the recipe of a smaller one with average pooling: ReLU is all that is not affine in it."""
    build = partial(Cnn, channels=(8, 16, 32), pool=nn.AvgPool2d)
    return Recipe(build, "mnist", epochs=6, target=0.97, learning_rate=1e-2, augmentation=0.5)
