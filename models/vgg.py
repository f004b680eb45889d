"""VGG (Simonyan & Zisserman, ICLR 2015) for images of 32x32: with batch norm, and one linear classifier."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from models import networks
from models.recipe import Recipe

VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class Vgg(nn.Module):
    """Stages of `conv 3x3 -> batch norm -> ReLU`, each stage ending in `max-pool 2x2`, then a linear classifier.

    Args:
        stages: the output channels of the convolutions of every stage.
        classes: number of classes.
        depth: channels of the images, whose sides are 2 to the number of stages.
    """

    def __init__(self, stages: Sequence[Sequence[int]] = VGG16, classes: int = 10, depth: int = 3):
        super().__init__()
        layers: list[nn.Module] = []
        width = depth
        for stage in stages:
            for out in stage:
                layers += [nn.Conv2d(width, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
                width = out
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.classifier = nn.Linear(width, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, depth, 32, 32]` to logits `[batch, classes]`."""
        return self.classifier(self.features(image))


def recipe(stages: Sequence[Sequence[int]], classes: int) -> Recipe:
    """Return the recipe for CIFAR-10 or CIFAR-100."""
    target = 0.92 if classes == 10 else 0.68
    return Recipe(partial(Vgg, stages, classes), f"cifar{classes}", epochs=100, target=target, batch_size=128)


networks.register("cifar10_vgg11")(partial(recipe, VGG11, 10))
networks.register("cifar10_vgg16")(partial(recipe, VGG16, 10))
networks.register("cifar100_vgg16")(partial(recipe, VGG16, 100))
