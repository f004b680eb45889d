"""Trained networks of every architecture answer as spiking networks as they do as plain ones."""

from collections import Counter

import numpy as np
import pytest

from models import networks
from models.data import Dataset, load
from onnx2snn.conversion import convert
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.model import SpikingModel

NEURONS = {
    "digits_convnext": {"LayerNormalization": 7, "Gelu": 4},
    "digits_gru": {"Region2": 14, "Region1": 2},
    "digits_llama": {"RMSNormalization": 5, "MatMul": 4, "Softmax": 2, "SwiGLU": 2},
    "digits_lstm": {"TanhSigmoidGate": 28, "GLU": 12, "Region1": 2},
    "digits_mobilenet": {"HardSwish": 8, "Relu": 3, "HardGate": 3},
    "digits_resmlp": {"Gelu": 3},
    "digits_unet": {"Region1": 10, "MaxPool": 2},
    "digits_unet_resize": {"Region1": 10, "MaxPool": 2},
    "digits_vit": {"LayerNormalization": 5, "MatMul": 4, "Softmax": 2, "Gelu": 2},
    "digits_vit_fused": {"LayerNormalization": 5, "MatMul": 4, "Softmax": 2, "Gelu": 2},
    "mnist_cnn": {"Region1": 3, "Relu": 1},
    "mnist_mixer": {"LayerNormalization": 9, "Gelu": 8},
    "mnist_mlp": {"Relu": 2},
    "mnist_vit": {"LayerNormalization": 7, "MatMul": 6, "Softmax": 3, "Gelu": 3},
    "tones_spectrogram": {"Relu": 3, "Pow": 1, "Log": 1},
}
"""What the neurons of each trained file are."""


@pytest.fixture
def spiking(pytestconfig):
    """A function from a trained file's name, and options, to the spiking network and the data."""

    def make(name: str, **options: object) -> tuple[SpikingModel, Dataset]:
        data = load(networks[name]().dataset)
        path = pytestconfig.rootpath / "models" / "trained" / f"{name}.onnx"
        return convert(path, data.train_image[:64], **options), data

    return make


def agreement(snn: SpikingModel, image: np.ndarray, timesteps: int) -> float:
    """Return the share of images for which the spiking network's answer is the plain one's."""
    plain = run_ann(snn.proto, {"image": image}, 64)["logits"]
    return float((np.asarray(snn(image, timesteps=timesteps)).argmax(1) == plain.argmax(1)).mean())


@pytest.mark.parametrize("name", NEURONS)
def test_the_default_conversion_answers_alike(name, spiking):
    snn, data = spiking(name)
    made = Counter(p.op_type.removeprefix("Spiking") for p in snn.program.populations)
    assert made == NEURONS[name]
    assert snn.conversion.reached
    assert not snn.conversion.warnings
    assert agreement(snn, data.test_image[:100], 4) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", NEURONS)
def test_all_test_images_are_answered_alike(name, spiking):
    snn, data = spiking(name)
    assert agreement(snn, data.test_image, 4) >= 0.99


def test_the_logarithm_of_a_spectrogram_needs_more_levels(spiking):
    snn, _ = spiking("tones_spectrogram")
    levels = {p.op_type: p.attributes.levels for p in snn.program.populations}
    assert levels["SpikingPow"] > 16
    assert snn.conversion.timesteps == 2
    plain, _ = spiking("tones_spectrogram", adapt=False)
    assert plain.conversion.relative_error > 0.01 > snn.conversion.relative_error


@pytest.mark.parametrize("name", ["digits_vit", "digits_unet", "digits_lstm", "mnist_cnn"])
def test_elementwise_neurons_answer_alike(name, spiking):
    snn, data = spiking(name, neurons="elementwise", adapt=False)
    assert {p.attributes.sources for p in snn.program.populations} <= {1, 2}
    assert agreement(snn, data.test_image[:60], 8) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NEURONS if name != "mnist_cnn"])
def test_elementwise_neurons_of_every_architecture(name, spiking):
    snn, data = spiking(name, neurons="elementwise")
    assert agreement(snn, data.test_image[:200], 8) >= 0.99
