"""ResMLP (Touvron et al., TPAMI 2022): a linear layer across patches, a perceptron across channels, affine norms."""

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class Affine(nn.Module):
    """`scale * x + shift`, a number a channel: ResMLP's norm has no statistics."""

    def __init__(self, channels: int, scale: float = 1.0):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), scale))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale and shift `[..., channels]`."""
        return x * self.scale + self.shift


class ResMlpBlock(nn.Module):
    """`x + scale(tokens(norm(x)^T)^T)`, then `x + scale(channels(norm(x)))`, on `x` of `[batch, tokens, channels]`."""

    def __init__(self, tokens: int, channels: int, hidden: int, start: float = 0.1):
        super().__init__()
        self.token_norm = Affine(channels)
        self.tokens = nn.Linear(tokens, tokens)
        self.token_scale = Affine(channels, start)
        self.channel_norm = Affine(channels)
        self.channels = nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels))
        self.channel_scale = Affine(channels, start)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the tokens, then the channels; the shape stays."""
        x = x + self.token_scale(self.tokens(self.token_norm(x).transpose(1, 2)).transpose(1, 2))
        return x + self.channel_scale(self.channels(self.channel_norm(x)))


class ResMlp(nn.Module):
    """Patches, ResMLP blocks, an affine norm, the mean over the patches, and a linear classifier.

    Args:
        size: height and width of the images, a multiple of `patch`.
        patch: height and width of a patch.
        channels: width of the representation of a patch.
        hidden: hidden width of the perceptrons.
        depth: number of blocks.
        classes: number of classes.
    """

    def __init__(
        self, size: int = 28, patch: int = 4, channels: int = 64, hidden: int = 192, depth: int = 4, classes: int = 10
    ):
        super().__init__()
        tokens = (size // patch) ** 2
        self.patches = nn.Conv2d(1, channels, patch, stride=patch)
        self.blocks = nn.Sequential(*(ResMlpBlock(tokens, channels, hidden) for _ in range(depth)))
        self.norm = Affine(channels)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        x = self.patches(image).flatten(2).transpose(1, 2)
        return self.classifier(self.norm(self.blocks(x)).mean(1))


@networks.register("mnist_resmlp")
def mnist_resmlp() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(ResMlp, "mnist", epochs=20, target=0.955)
