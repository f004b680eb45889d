"""The committed ONNX files reach the accuracy their recipes promise."""

import math

import onnx
import pytest

from models import networks
from models.data import load
from models.export import accuracy

SMALL = "convnext gru llama lstm mobilenet resmlp unet unet_resize vit vit_fused"
NAMES = [
    *(f"digits_{name}" for name in SMALL.split()),
    *("mnist_cnn", "mnist_mixer", "mnist_mlp", "mnist_relu_cnn", "mnist_vit"),
    "tones_spectrogram",
]


@pytest.mark.parametrize("name", NAMES)
def test_accuracy_on_the_test_images(name, trained):
    data = load(networks[name]().dataset)
    reached = accuracy(trained / f"{name}.onnx", data.test_image, data.test_label)
    assert networks[name]().target <= reached <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_small_and_is_this_definition(name, trained):
    path = trained / f"{name}.onnx"
    assert path.stat().st_size < (600_000 if name.startswith("mnist") else 150_000)
    stored = [value for value in onnx.load(path).graph.initializer if value.data_type == onnx.TensorProto.FLOAT]
    weights = sum(math.prod(value.dims) for value in stored)
    own = sum(p.numel() for p in networks[name]().build().state_dict().values())
    assert weights == pytest.approx(own, rel=0.03)


def test_nothing_else_is_kept(trained):
    assert sorted(path.name for path in trained.iterdir()) == [f"{name}.onnx" for name in NAMES]
