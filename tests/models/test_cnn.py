import pytest
import torch

from models import networks
from models.cnn import Cnn


@pytest.mark.parametrize(("size", "channels", "flat"), [(8, (4, 6), 24), (28, (4, 5, 6), 54), (16, (3,), 192)])
@pytest.mark.parametrize("hidden", [0, 7])
def test_every_stage_halves_the_image(size, channels, flat, hidden):
    network = Cnn(size, channels, hidden)
    assert network.features(torch.zeros(2, 1, size, size)).shape == (2, flat)
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 10)
    assert len(network.classifier) == (3 if hidden else 1)


def test_pooling_may_be_by_averages():
    network = Cnn(8, (4,), pool=torch.nn.AvgPool2d)
    assert [type(layer) for layer in network.features][3] is torch.nn.AvgPool2d
    kinds = {type(layer) for layer in networks["mnist_relu_cnn"]().build().modules()}
    assert torch.nn.MaxPool2d not in kinds
