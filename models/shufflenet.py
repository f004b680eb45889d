"""ShuffleNet v1 (Zhang et al., CVPR 2018), for 32x32: grouped 1x1 convolutions, their channels shuffled."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from models import networks
from models.recipe import Recipe


def convolution(width: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return `conv -> batch norm`."""
    layer = nn.Conv2d(width, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out))


class ShuffleUnit(nn.Module):
    """`relu(x + g)`, or with a stride `relu([average-pool(x), g])`; `g` is 1x1, shuffle, depthwise 3x3, 1x1."""

    def __init__(self, width: int, out: int, stride: int, groups: int, first: bool):
        super().__init__()
        inner = out // 4
        self.stride, self.groups = stride, groups
        self.squeeze = convolution(width, inner, groups=1 if first else groups)
        self.depthwise = convolution(inner, inner, 3, stride, groups=inner)
        self.expand = convolution(inner, out - width if stride > 1 else out, groups=groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `[batch, width, h, w]` to `[batch, out, h / stride, w / stride]`."""
        g = torch.relu(self.squeeze(x)).unflatten(1, (self.groups, -1)).transpose(1, 2).flatten(1, 2)  # shuffled
        g = self.expand(self.depthwise(g))
        if self.stride > 1:
            return torch.relu(torch.cat([functional.avg_pool2d(x, 3, 2, 1), g], 1))
        return torch.relu(x + g)


class ShuffleNet(nn.Module):
    """A convolution, stages of shuffle units that each halve the image, the mean, and a linear classifier.

    Args:
        groups: groups of the 1x1 convolutions.
        widths: output channels of every stage, multiples of 4 times `groups`.
        depths: units of every stage.
        classes: number of classes.
    """

    def __init__(
        self,
        groups: int = 3,
        widths: Sequence[int] = (240, 480, 960),
        depths: Sequence[int] = (4, 8, 4),
        classes: int = 10,
    ):
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 24, 3), nn.ReLU())
        layers: list[nn.Module] = []
        before = 24
        for width, depth in zip(widths, depths, strict=True):
            for unit in range(depth):
                layers.append(ShuffleUnit(before, width, 1 if unit else 2, groups, first=before == 24))
                before = width
        self.units = nn.Sequential(*layers)
        self.classifier = nn.Linear(before, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 3, 32, 32]` to logits `[batch, classes]`."""
        return self.classifier(self.units(self.stem(image)).mean((2, 3)))


def recipe(classes: int) -> Recipe:
    """Return the recipe for CIFAR-10 or CIFAR-100."""
    target = 0.90 if classes == 10 else 0.65
    return Recipe(partial(ShuffleNet, classes=classes), f"cifar{classes}", epochs=100, target=target, batch_size=128)


networks.register("cifar10_shufflenet")(partial(recipe, 10))
networks.register("cifar100_shufflenet")(partial(recipe, 100))
