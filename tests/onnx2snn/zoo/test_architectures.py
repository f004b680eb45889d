"""Every architecture of the paper's experiments converts, and runs: random weights, small images, two time steps."""

from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn import zoo
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.loading import place

TIMESTEPS = 2
REFERENCE: dict[str, dict[str, Any]] = {
    "reference/mnist_lenet": {},
    "reference/mnist_mixer": {},
    "reference/mnist_resmlp": {},
    "reference/mnist_convnext": {},
    "reference/mnist_vit": {},
    "reference/cifar10_vgg11": {},
    "reference/cifar10_resnet20": {},
    "reference/cifar10_shufflenet": {},  # version 1, which the others do not have
}
LIBRARIES: dict[str, dict[str, Any]] = {
    "timm/vgg11": {"size": 32},
    "timm/resnet34": {"size": 64},
    "timm/regnetx_002": {"size": 64},
    "timm/regnety_002": {"size": 64},
    "timm/convnext_atto": {"size": 64},
    "timm/mixer_s32_224": {"size": 64},
    "timm/resmlp_12_224": {"size": 64},
    "timm/vit_tiny_patch16_224": {"size": 64},
    "timm/mobilenetv1_100": {"size": 64},
    "timm/mobilenetv2_050": {"size": 64},
    "torchvision/shufflenet_v2_x0_5": {"size": 64},
    "timm/seresnet18": {"size": 64},
    "timm/efficientnet_b0": {"size": 64},
    "timm/densenet121": {"size": 64},
    "torchvision/googlenet": {"size": 64},
    "timm/dpn48b": {"size": 64},
    "timm/dla34": {"size": 64},
    "timm/pnasnet5large": {"size": 96},
    "timm/resnext50_32x4d": {"size": 64},
}
CASES = [
    *(pytest.param(name, options, id=name) for name, options in REFERENCE.items()),
    *(pytest.param(name, options, id=name, marks=pytest.mark.slow) for name, options in LIBRARIES.items()),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(("name", "options"), CASES)
def test_it_converts_and_runs(name: str, options: dict[str, Any]) -> None:
    pytest.importorskip("onnxscript")
    if not name.startswith("reference/"):
        pytest.importorskip(name.partition("/")[0])
        options = {"num_classes": 10, **options}
    model = zoo.load(name, pretrained=False, **options)
    assert model.size is not None
    images = np.random.default_rng(0).standard_normal((4, *model.size)).astype(np.float32)
    expected = run_ann(model.proto, {"image": images}, 4)["logits"]
    assert expected.shape == (4, 10)
    assert np.ptp(expected, axis=0).max() > 1e-3, "the network does not look at its input"

    snn = onnx2snn.convert(model.proto, images, timesteps=TIMESTEPS, adapt=False)
    assert relative(run_ann(snn.proto, {"image": images}, 4)["logits"], expected) < 1e-4
    one, many = (snn(images, timesteps=t, executor="step") for t in (1, 8))
    assert relative(many, expected) < min(0.2, 0.5 * relative(one, expected) + 1e-3)
    place(snn, "cpu", "float64")  # in float32 a tie in a quantiser may fall either way
    step, layer = (snn.run(images, TIMESTEPS, executor=executor) for executor in ("step", "layer"))
    np.testing.assert_allclose(layer.outputs[TIMESTEPS], step.outputs[TIMESTEPS], rtol=1e-9, atol=1e-9)
    assert step.events == layer.events
    assert np.isfinite(step.outputs[TIMESTEPS]).all()


def relative(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))
