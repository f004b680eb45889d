"""Small random rotations, scalings and shifts of images, so that a few thousand of them train a network well."""

import math

import torch
from torch.nn import functional


def augment(image: torch.Tensor, strength: float, generator: torch.Generator) -> torch.Tensor:
    """Return every image of the batch turned, scaled and shifted at random.

    At strength 1 by up to 12 degrees, 12 % of the scale and 8 % of the width either way; new border pixels are 0.
    """
    if strength == 0:
        return image

    def uniform(limit: float) -> torch.Tensor:
        return (2 * torch.rand(len(image), generator=generator) - 1) * limit * strength

    angle, scale = uniform(math.radians(12)), 1 + uniform(0.12)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    # Coordinates run from -1 to 1: a shift by 8 % of the width is one by 0.16.
    rows = [torch.stack([cosine, -sine, uniform(0.16)], 1), torch.stack([sine, cosine, uniform(0.16)], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(image.shape), align_corners=False)
    return functional.grid_sample(image, grid, align_corners=False)
