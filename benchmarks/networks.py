"""The networks that speed and memory are measured on: PyTorch modules, with inputs, and what their packages need."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

import onnx2snn
from benchmarks.trained import TRAINED, calibration, trained_module
from models.data import load
from models.export import export
from models.real.common import need
from onnx2snn_runtime.model import SpikingModel


@dataclass(frozen=True)
class Subject:
    """A network to time: its module, the shape of one sample, and its ONNX file where it is a trained one of MNIST."""

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    file: Path | None = None


def prepare(subject: Subject) -> tuple[nn.Module, SpikingModel]:
    """Return the module of `subject` and the spiking network it becomes, both with the same weights.

    A trained network is converted with the default settings, one with random weights is calibrated on noise.
    """
    if subject.file:
        return subject.build(), onnx2snn.convert(subject.file, calibration())
    torch.manual_seed(0)
    module = subject.build().eval()
    example = torch.randn(8, *subject.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        export(module, [example[:2]], path)
        return module, onnx2snn.convert(path, example.numpy(), adapt=False)


def samples(subject: Subject, count: int) -> np.ndarray:
    """Return `count` inputs of `subject`: test images of MNIST for a trained network, otherwise noise."""
    if subject.file:
        return np.resize(load("mnist").test_image, (count, *subject.shape))
    return np.random.default_rng(0).standard_normal((count, *subject.shape), np.float32)


def _reference(name: str) -> Subject:
    return Subject(name, lambda: trained_module(name), (1, 28, 28), TRAINED / f"{name}.onnx")


def _efficientnet() -> nn.Module:
    from models.real.efficientnet_lite0 import build

    return build()


def _torchvision(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        declare_nms()
        package = need("torchvision", "pip install torchvision")
        return package.models.get_model(name, weights=None)

    return build


def _timm(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        declare_nms()
        package = need("timm", "pip install timm")
        package.layers.set_fused_attn(False)
        return package.create_model(name, pretrained=False)

    return build


def declare_nms() -> None:
    """Declare the operators that torchvision looks for at import where its compiled part is absent."""
    if not _kept and not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)


_kept: list[torch.library.Library] = []

SUBJECTS = {
    subject.name: subject
    for subject in (
        *(_reference(f"mnist_{kind}") for kind in ("mlp", "relu_cnn", "cnn", "mixer", "vit")),
        Subject("efficientnet_lite0", _efficientnet, (3, 224, 224)),
        Subject("resnet18", _torchvision("resnet18"), (3, 224, 224)),
        Subject("vit_small", _timm("vit_small_patch16_224"), (3, 224, 224)),
    )
}
