"""A vision transformer (Dosovitskiy et al., ICLR 2021) with PyTorch's nn.MultiheadAttention."""

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class EncoderBlock(nn.Module):
    """`x + attention(norm(x))`, then `x + perceptron(norm(x))`, on `x` of `[batch, tokens, width]`."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend, then transform every token; the shape stays."""
        normed = self.attention_norm(x)
        x = x + self.attention(normed, normed, normed, need_weights=False)[0]
        return x + self.perceptron(self.norm(x))


class VisionTransformer(nn.Module):
    """Patches with learned positions and a class token, encoder blocks, LayerNorm and a linear classifier.

    Args:
        size: height and width of the images, a multiple of `patch`.
        patch: height and width of a patch.
        width: width of the representation of a token.
        heads: number of attention heads, a divisor of `width`.
        hidden: hidden width of the perceptrons.
        depth: number of blocks.
        classes: number of classes.
    """

    def __init__(
        self,
        size: int = 28,
        patch: int = 4,
        width: int = 64,
        heads: int = 4,
        hidden: int = 128,
        depth: int = 3,
        classes: int = 10,
    ):
        super().__init__()
        tokens = (size // patch) ** 2
        self.patches = nn.Conv2d(1, width, patch, stride=patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens + 1, width))
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads, hidden) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        patches = self.patches(image).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(image.shape[0], -1, -1), patches], 1)
        return self.classifier(self.norm(self.blocks(tokens + self.positions))[:, 0])


@networks.register("mnist_vit")
def mnist_vit() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(VisionTransformer, "mnist", epochs=25, target=0.955, learning_rate=2e-3)
