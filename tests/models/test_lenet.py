import torch

from models.lenet import LeNet5


def test_it_has_the_published_widths():
    network = LeNet5()
    assert network.features(torch.zeros(2, 1, 28, 28)).shape == (2, 400)
    assert sum(p.numel() for p in network.parameters()) == 61_706
