"""Every registered network: it builds, learns, exports, and the exported file computes the same."""

import numpy as np
import onnx
import pytest
import torch

from models import networks
from models.data import load
from models.export import export, predict
from models.recipe import Recipe
from onnx2snn_runtime.errors import RegistryError


def images(recipe, count):
    if recipe.dataset in ("digits", "mnist"):
        return torch.from_numpy(load(recipe.dataset).test_image[:count])
    return torch.rand(count, *recipe.shape)


def test_an_unknown_network_suggests_the_nearest():
    with pytest.raises(RegistryError, match="did you mean 'mnist_cnn'"):
        networks["mnist_cn"]


@pytest.mark.parametrize("name", list(networks))
def test_recipe_builds_a_classifier_of_its_data(name):
    recipe = networks[name]()
    assert isinstance(recipe, Recipe)
    image = images(recipe, 3)
    network = recipe.build()
    assert network(image).shape == (3, 100 if recipe.dataset == "cifar100" else 10)
    if recipe.dataset in ("digits", "mnist"):
        assert sum(p.numel() for p in network.parameters()) < 150_000
    network(image).sum().backward()
    assert [key for key, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("name", list(networks))
def test_export_keeps_the_function_the_names_and_a_free_batch(name, tmp_path):
    recipe = networks[name]()
    torch.manual_seed(1)
    network = recipe.build().eval()
    image = images(recipe, 5)
    export(network, [image[:2]], tmp_path / "network.onnx")
    model = onnx.load(tmp_path / "network.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["logits"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert model.opset_import[0].version >= 17
    with torch.no_grad():
        expected = network(image).numpy()
    np.testing.assert_allclose(predict(tmp_path / "network.onnx", {"image": image.numpy()}), expected, atol=1e-5)
