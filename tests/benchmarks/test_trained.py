"""The weights of a trained file come back into the module, or it is said what does not fit."""

import onnx
import pytest
import torch

from benchmarks.networks import SUBJECTS, samples
from benchmarks.trained import TRAINED, restore, trained_module
from models import networks


@pytest.mark.parametrize("name", ["mnist_relu_cnn", "mnist_mixer", "mnist_vit"])
def test_the_module_has_the_weights_of_its_file(name):
    module = trained_module(name)
    assert not module.training
    fresh = dict(networks[name]().build().named_parameters())
    same = [key for key, value in module.named_parameters() if torch.equal(value, fresh[key])]
    assert same == []


def test_a_file_of_another_network_does_not_fit():
    module = networks["mnist_mlp"]().build()
    with pytest.raises(ValueError, match=r"no weight for layers.1.weight, of shape \(128, 784\)"):
        restore(module, onnx.load(TRAINED / "mnist_relu_cnn.onnx"))


def test_more_samples_than_images_repeat_them():
    x = samples(SUBJECTS["mnist_mlp"], 2003)
    assert (x[2000:] == x[:3]).all()
    assert samples(SUBJECTS["resnet18"], 2).shape == (2, 3, 224, 224)
