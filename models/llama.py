"""A small Llama (Touvron et al., 2023): RMSNorm, rotary positions, causal attention, SwiGLU; image rows as tokens."""

import torch
from torch import nn
from torch.nn import functional

from models import networks
from models.recipe import Recipe


class RmsNorm(nn.Module):
    """`gain * x / sqrt(mean(x^2) + epsilon)`, as Llama writes it."""

    def __init__(self, width: int, epsilon: float = 1e-5):
        super().__init__()
        self.gain, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize over the last axis; the shape stays."""
        return self.gain * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon))


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Turn the two halves of the last axis against each other, by an angle for every position."""
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat([-second, first], -1) * sine


class RotaryAttention(nn.Module):
    """Causal attention of `x` `[batch, tokens, width]` on itself, with rotary positions."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        size = width // heads
        self.register_buffer("frequencies", 100.0 ** -(torch.arange(0, size, 2) / size), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend to what came before; the shape stays."""
        query, key, value = (p(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for p in self._projections())
        angles = torch.arange(x.shape[1])[:, None] * self.frequencies
        cosine, sine = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
        query, key = rotate(query, cosine, sine), rotate(key, cosine, sine)
        y = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))

    def _projections(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        return self.query, self.key, self.value


class LlamaBlock(nn.Module):
    """`x + attention(norm(x))`, then `x + down(silu(gate(norm(x))) * up(norm(x)))`."""

    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.attention_norm, self.norm = RmsNorm(width), RmsNorm(width)
        self.attention = RotaryAttention(width, heads)
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend, then transform every token; the shape stays."""
        x = x + self.attention(self.attention_norm(x))
        y = self.norm(x)
        return x + self.down(functional.silu(self.gate(y)) * self.up(y))


class Llama(nn.Module):
    """The rows of an image as tokens, blocks, RMSNorm, and a linear classifier of the last token.

    Args:
        size: width of the images.
        width: width of the representation of a token.
        heads: number of attention heads, a divisor of `width`.
        hidden: hidden width of the gated perceptrons.
        depth: number of blocks.
        classes: number of classes.
    """

    def __init__(
        self, size: int = 8, width: int = 32, heads: int = 2, hidden: int = 64, depth: int = 2, classes: int = 10
    ):
        super().__init__()
        self.rows = nn.Linear(size, width)
        self.blocks = nn.Sequential(*(LlamaBlock(width, heads, hidden) for _ in range(depth)))
        self.norm = RmsNorm(width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, size, size]` to logits `[batch, classes]`."""
        return self.classifier(self.norm(self.blocks(self.rows(image.squeeze(1))))[:, -1])


@networks.register("digits_llama")
def digits_llama() -> Recipe:
    """Return the recipe for the 8x8 digits."""
    return Recipe(Llama, "digits", epochs=40, target=0.95, augmentation=0.5)
