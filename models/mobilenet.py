"""MobileNetV3 (Howard et al., ICCV 2019): inverted residuals, squeeze-and-excitation, Hardswish."""

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class SqueezeExcite(nn.Module):
    """`x * gate(mean(x))`: a weight in [0, 1] for every channel, from the mean of them all."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(width, inner, 1), nn.Conv2d(inner, width, 1)
        self.relu, self.gate = nn.ReLU(), nn.Hardsigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weigh the channels; the shape stays."""
        weights = self.excite(self.relu(self.squeeze(x.mean((2, 3), keepdim=True))))
        return x * self.gate(weights)


class InvertedResidual(nn.Module):
    """Widen, filter every channel, weigh the channels, narrow; with a residual where the shape stays."""

    def __init__(self, inner: int, hidden: int, outer: int, stride: int):
        super().__init__()
        self.residual = stride == 1 and inner == outer
        self.layers = nn.Sequential(
            nn.Conv2d(inner, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.Hardswish(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.Hardswish(),
            SqueezeExcite(hidden, hidden // 4),
            nn.Conv2d(hidden, outer, 1, bias=False), nn.BatchNorm2d(outer),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `[batch, inner, h, w]` to `[batch, outer, h / stride, w / stride]`."""
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNet(nn.Module):
    """A stem, inverted residuals, the mean over the pixels and a classifier with a hidden layer.

    Args:
        width: channels of the stem.
        classes: number of classes.
    """

    def __init__(self, width: int = 16, classes: int = 10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.Hardswish())
        self.blocks = nn.Sequential(
            InvertedResidual(width, 2 * width, width, 1),
            InvertedResidual(width, 3 * width, 2 * width, 2),
            InvertedResidual(2 * width, 4 * width, 2 * width, 1),
        )
        self.classifier = nn.Sequential(nn.Linear(2 * width, 48), nn.Hardswish(), nn.Linear(48, classes))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        return self.classifier(self.blocks(self.stem(image)).mean((2, 3)))


@networks.register("digits_mobilenet")
def digits_mobilenet() -> Recipe:
    """Return the recipe for the 8x8 digits."""
    return Recipe(MobileNet, "digits", epochs=25, target=0.97, augmentation=0.5)
