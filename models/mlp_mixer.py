"""MLP-Mixer (Tolstikhin et al., NeurIPS 2021): perceptrons across patches and across channels, LayerNorm and GELU."""

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


def perceptron(width: int, hidden: int) -> nn.Sequential:
    """Return `linear -> GELU -> linear`, from `width` through `hidden` back to `width`."""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class MixerBlock(nn.Module):
    """`x + tokens(norm(x)^T)^T`, then `x + channels(norm(x))`, on `x` of `[batch, tokens, channels]`."""

    def __init__(self, tokens: int, channels: int, token_hidden: int, channel_hidden: int):
        super().__init__()
        self.token_norm = nn.LayerNorm(channels)
        self.token_mixing = perceptron(tokens, token_hidden)
        self.channel_norm = nn.LayerNorm(channels)
        self.channel_mixing = perceptron(channels, channel_hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the tokens, then the channels; the shape stays."""
        x = x + self.token_mixing(self.token_norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel_mixing(self.channel_norm(x))


class MlpMixer(nn.Module):
    """Patches, mixer blocks, LayerNorm, the mean over the patches, and a linear classifier.

    Args:
        size: height and width of the images, a multiple of `patch`.
        patch: height and width of a patch.
        channels: width of the representation of a patch.
        token_hidden: hidden width of the perceptrons across patches.
        channel_hidden: hidden width of the perceptrons across channels.
        depth: number of blocks.
        classes: number of classes.
    """

    def __init__(
        self,
        size: int = 28,
        patch: int = 4,
        channels: int = 64,
        token_hidden: int = 64,
        channel_hidden: int = 128,
        depth: int = 4,
        classes: int = 10,
    ):
        super().__init__()
        tokens = (size // patch) ** 2
        self.patches = nn.Conv2d(1, channels, patch, stride=patch)
        self.blocks = nn.Sequential(*(MixerBlock(tokens, channels, token_hidden, channel_hidden) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        x = self.patches(image).flatten(2).transpose(1, 2)
        return self.classifier(self.norm(self.blocks(x)).mean(1))


@networks.register("mnist_mixer")
def mnist_mixer() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(MlpMixer, "mnist", epochs=20, target=0.955)
