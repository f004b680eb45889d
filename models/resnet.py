"""ResNet for images of 32x32 (He et al., CVPR 2016, section 4.2): three stages of basic blocks, 6n + 2 layers."""

from functools import partial

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


def convolution(width: int, out: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Return `conv -> batch norm`."""
    return nn.Sequential(nn.Conv2d(width, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


class BasicBlock(nn.Module):
    """`relu(shortcut(x) + conv(relu(conv(x))))`; the shortcut is a 1x1 convolution where the shape changes."""

    def __init__(self, width: int, out: int, stride: int):
        super().__init__()
        self.first = convolution(width, out, stride)
        self.second = convolution(out, out)
        same = stride == 1 and width == out
        self.shortcut: nn.Module = nn.Identity() if same else convolution(width, out, stride, kernel=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `[batch, width, h, w]` to `[batch, out, h / stride, w / stride]`."""
        return torch.relu(self.shortcut(x) + self.second(torch.relu(self.first(x))))


class ResNet(nn.Module):
    """A convolution, three stages of `blocks` basic blocks of 16, 32 and 64 channels, the mean, a linear classifier.

    Args:
        blocks: basic blocks in a stage: 3 for ResNet-20, 5 for ResNet-32, 9 for ResNet-56.
        classes: number of classes.
        width: channels of the first stage.
    """

    def __init__(self, blocks: int = 3, classes: int = 10, width: int = 16):
        super().__init__()
        self.stem = nn.Sequential(convolution(3, width), nn.ReLU())
        layers: list[nn.Module] = []
        before = width
        for stage in range(3):
            out = width << stage
            for block in range(blocks):
                layers.append(BasicBlock(before, out, 2 if stage and not block else 1))
                before = out
        self.blocks = nn.Sequential(*layers)
        self.classifier = nn.Linear(before, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 3, 32, 32]` to logits `[batch, classes]`."""
        return self.classifier(self.blocks(self.stem(image)).mean((2, 3)))


def recipe(blocks: int, classes: int) -> Recipe:
    """Return the recipe for CIFAR-10 or CIFAR-100."""
    target = 0.91 if classes == 10 else 0.65
    return Recipe(partial(ResNet, blocks, classes), f"cifar{classes}", epochs=100, target=target, batch_size=128)


networks.register("cifar10_resnet20")(partial(recipe, 3, 10))
networks.register("cifar100_resnet32")(partial(recipe, 5, 100))
