import torch
from torch import nn

from models.mlp import Mlp


def test_widths_follow_the_arguments():
    network = Mlp(pixels=64, hidden=(5, 4, 3), classes=2)
    widths = [(layer.in_features, layer.out_features) for layer in network.layers if isinstance(layer, nn.Linear)]
    assert widths == [(64, 5), (5, 4), (4, 3), (3, 2)]
    assert network(torch.zeros(6, 1, 8, 8)).shape == (6, 2)
