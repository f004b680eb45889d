"""ResMLP (Touvron et al., 2021): patches mixed by a linear layer, affine maps in place of normalization, GELU."""

from functools import partial

import torch
from torch import nn

from models import networks
from models.mlp_mixer import perceptron
from models.recipe import Recipe


class Affine(nn.Module):
    """`gain * x + shift`, one of each a channel."""

    def __init__(self, width: int, gain: float = 1.0):
        super().__init__()
        self.gain, self.shift = nn.Parameter(gain * torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale and shift every channel; the shape stays."""
        return torch.addcmul(self.shift, self.gain, x)


class ResMlpBlock(nn.Module):
    """`x + mixed patches`, then `x + perceptron(channels)`, on `x` of `[batch, patches, width]`."""

    def __init__(self, patches: int, width: int):
        super().__init__()
        self.before, self.after = Affine(width), Affine(width, 0.1)
        self.patches = nn.Linear(patches, patches)
        self.inner, self.outer = Affine(width), Affine(width, 0.1)
        self.perceptron = perceptron(width, 2 * width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the patches, then the channels; the shape stays."""
        x = x + self.after(self.patches(self.before(x).transpose(1, 2)).transpose(1, 2))
        return x + self.outer(self.perceptron(self.inner(x)))


class ResMlp(nn.Module):
    """Patches, blocks, an affine map, the mean over the patches, and a linear classifier.

    Args:
        size: height and width of the images, a multiple of `patch`.
        patch: height and width of a patch.
        width: channels of a patch.
        depth: number of blocks.
        classes: number of classes.
    """

    def __init__(self, size: int = 8, patch: int = 2, width: int = 32, depth: int = 3, classes: int = 10):
        super().__init__()
        patches = (size // patch) ** 2
        self.patches = nn.Conv2d(1, width, patch, stride=patch)
        self.blocks = nn.Sequential(*(ResMlpBlock(patches, width) for _ in range(depth)))
        self.last = Affine(width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        x = self.patches(image).flatten(2).transpose(1, 2)
        return self.classifier(self.last(self.blocks(x)).mean(1))


@networks.register("digits_resmlp")
def digits_resmlp() -> Recipe:
    """Return the recipe for the 8x8 digits."""
    return Recipe(ResMlp, "digits", epochs=40, target=0.95, augmentation=0.5)


@networks.register("mnist_resmlp")
def mnist_resmlp() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(partial(ResMlp, size=28, patch=4, width=64, depth=4), "mnist", epochs=20, target=0.955)
