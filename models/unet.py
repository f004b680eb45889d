"""U-Net (Ronneberger et al., MICCAI 2015): halve, double again, join what is of one size; classes by pixel."""

from functools import partial

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


def stage(inner: int, outer: int) -> nn.Sequential:
    """Return two convolutions 3x3 with group normalization and SiLU."""
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, padding=1), nn.GroupNorm(4, outer), nn.SiLU(),
        nn.Conv2d(outer, outer, 3, padding=1), nn.GroupNorm(4, outer), nn.SiLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """Two halvings and two doublings; the classes of the pixels are averaged to those of the image.

    Args:
        width: channels at full size; they double with every halving.
        resize: double by bilinear interpolation, else by a transposed convolution.
        classes: number of classes.
    """

    def __init__(self, width: int = 8, resize: bool = False, classes: int = 10):
        super().__init__()
        self.first, self.second, self.bottom = stage(1, width), stage(width, 2 * width), stage(2 * width, 4 * width)
        self.halve = nn.MaxPool2d(2)
        self.double_bottom, self.double_second = (self._double(width * n, resize) for n in (4, 2))
        self.join_second, self.join_first = stage(4 * width, 2 * width), stage(2 * width, width)
        self.classifier = nn.Conv2d(width, classes, 1)

    @staticmethod
    def _double(width: int, resize: bool) -> nn.Module:
        if not resize:
            return nn.ConvTranspose2d(width, width // 2, 2, stride=2)
        up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        return nn.Sequential(up, nn.Conv2d(width, width // 2, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]`, the size a multiple of 4, to logits `[batch, classes]`."""
        first = self.first(image)
        second = self.second(self.halve(first))
        bottom = self.bottom(self.halve(second))
        second = self.join_second(torch.cat([self.double_bottom(bottom), second], 1))
        first = self.join_first(torch.cat([self.double_second(second), first], 1))
        return self.classifier(first).mean((2, 3))


@networks.register("digits_unet")
def digits_unet() -> Recipe:
    """Return the recipe for the 8x8 digits, with transposed convolutions."""
    return Recipe(UNet, "digits", epochs=25, target=0.96, learning_rate=1e-2, augmentation=0.5)


@networks.register("digits_unet_resize")
def digits_unet_resize() -> Recipe:
    """Return the recipe for the 8x8 digits, with bilinear interpolation."""
    return Recipe(partial(UNet, resize=True), "digits", epochs=70, target=0.96, learning_rate=1e-2, augmentation=0.5)
