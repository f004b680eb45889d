"""A vision transformer whose attention is PyTorch's scaled_dot_product_attention."""

from functools import partial

import torch
from torch import nn
from torch.nn import functional

from models import networks
from models.recipe import Recipe
from models.vit import VisionTransformer


class FusedAttention(nn.Module):
    """Multi-head attention of `x` on itself: one projection to queries, keys and values, one call, one projection."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.inner, self.outer = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor, *_: torch.Tensor, need_weights: bool = False) -> tuple[torch.Tensor, None]:
        """Attend; the shape `[batch, tokens, width]` stays. The arguments are those of nn.MultiheadAttention."""
        query, key, value = self.inner(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind()
        y = functional.scaled_dot_product_attention(query, key, value)
        return self.outer(y.transpose(1, 2).flatten(2)), None


class FusedVisionTransformer(VisionTransformer):
    """`VisionTransformer` with `FusedAttention` in every block; the arguments are the same."""

    def __init__(self, width: int = 64, heads: int = 4, **options: int):
        super().__init__(width=width, heads=heads, **options)
        for block in self.blocks:
            block.attention = FusedAttention(width, heads)


@networks.register("digits_vit")
def digits_vit() -> Recipe:
    """Return the recipe for the 8x8 digits, with nn.MultiheadAttention."""
    build = partial(VisionTransformer, size=8, patch=2, width=32, hidden=64, depth=2)
    return Recipe(build, "digits", epochs=40, target=0.95, learning_rate=3e-3, augmentation=0.5)


@networks.register("digits_vit_fused")
def digits_vit_fused() -> Recipe:
    """Return the recipe for the 8x8 digits, with scaled_dot_product_attention."""
    build = partial(FusedVisionTransformer, size=8, patch=2, width=32, hidden=64, depth=2)
    return Recipe(build, "digits", epochs=40, target=0.95, learning_rate=3e-3, augmentation=0.5)
