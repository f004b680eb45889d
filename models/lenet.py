"""LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998): tanh, average pooling."""

import torch
from torch import nn

from models import networks
from models.recipe import Recipe


class LeNet5(nn.Module):
    """`conv 5x5 -> tanh -> average-pool` twice, then three linear layers, for images of 28x28.

    As is usual now, the second convolution sees every channel, pooling has no weights, and the last layer is linear.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map images `[batch, 1, 28, 28]` to logits `[batch, classes]`."""
        return self.classifier(self.features(image))


@networks.register("mnist_lenet")
def mnist_lenet() -> Recipe:
    """Return the recipe for MNIST."""
    return Recipe(LeNet5, "mnist", epochs=15, target=0.975)
