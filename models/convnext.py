"""ConvNeXt (Liu et al., CVPR 2022): depthwise convolution, LayerNorm over channels, a perceptron."""

from functools import partial

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of `[batch, channels, height, width]`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize every pixel; the shape stays."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """`x + gain * perceptron(norm(depthwise(x)))`, on `x` of `[batch, width, height, width]`."""

    def __init__(self, width: int, kernel: int, growth: int):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, growth * width), nn.GELU(), nn.Linear(growth * width, width))
        self.gain = nn.Parameter(0.1 * torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix neighbours, then the channels of every pixel; the shape stays."""
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + (self.gain * self.perceptron(y)).permute(0, 3, 1, 2)


class ConvNext(nn.Module):
    """A stem, blocks with one halving between them, the mean over the pixels, LayerNorm and a linear classifier.

    Args:
        width: channels behind the stem; the second stage has twice as many.
        depth: blocks a stage.
        kernel: height and width of the depthwise convolutions.
        classes: number of classes.
    """

    def __init__(self, width: int = 24, depth: int = 2, kernel: int = 3, classes: int = 10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 2, stride=1), ChannelNorm(width))
        self.first = nn.Sequential(*(ConvNextBlock(width, kernel, 2) for _ in range(depth)))
        self.halve = nn.Sequential(ChannelNorm(width), nn.Conv2d(width, 2 * width, 2, stride=2))
        self.second = nn.Sequential(*(ConvNextBlock(2 * width, kernel, 2) for _ in range(depth)))
        self.norm = nn.LayerNorm(2 * width)
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, height, width]` to logits `[batch, classes]`."""
        x = self.second(self.halve(self.first(self.stem(image))))
        return self.classifier(self.norm(x.mean((2, 3))))


@networks.register("digits_convnext")
def digits_convnext() -> Recipe:
    """Return the recipe for the 8x8 digits."""
    return Recipe(ConvNext, "digits", epochs=25, target=0.96, augmentation=0.5)


@networks.register("mnist_convnext")
def mnist_convnext() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(partial(ConvNext, kernel=5), "mnist", epochs=12, target=0.975)
