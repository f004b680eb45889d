"""ConvNeXt (Liu et al., CVPR 2022): depthwise convolutions, LayerNorm over the channels and GELU, for small images."""

from collections.abc import Sequence

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of `[batch, channels, h, w]`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise every pixel."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """`x + scale * perceptron(norm(depthwise(x)))`, on `x` of `[batch, width, h, w]`."""

    def __init__(self, width: int, kernel: int):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform every pixel with its surroundings; the shape stays."""
        changed = self.scale * self.perceptron(self.norm(self.depthwise(x).permute(0, 2, 3, 1)))
        return x + changed.permute(0, 3, 1, 2)


class ConvNext(nn.Module):
    """A stem of patches, stages of blocks with a norm and a strided convolution between them, and a classifier.

    Args:
        widths: channels of every stage.
        depths: blocks of every stage.
        patch: height and width of a patch of the stem.
        kernel: size of the depthwise convolutions.
        classes: number of classes.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64),
        depths: Sequence[int] = (2, 2),
        patch: int = 2,
        kernel: int = 5,
        classes: int = 10,
    ):
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, widths[0], patch, stride=patch), ChannelNorm(widths[0])]
        before = widths[0]
        for width, depth in zip(widths, depths, strict=True):
            if width != before:
                layers += [ChannelNorm(before), nn.Conv2d(before, width, 2, stride=2)]
            layers += [ConvNextBlock(width, kernel) for _ in range(depth)]
            before = width
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(before)
        self.classifier = nn.Linear(before, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        return self.classifier(self.norm(self.layers(image).mean((2, 3))))


@networks.register("mnist_convnext")
def mnist_convnext() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(ConvNext, "mnist", epochs=12, target=0.975)
