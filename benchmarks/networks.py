"""The networks that speed is measured on: PyTorch modules, with inputs, and what their packages need."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from models import networks
from models.real.common import need


@dataclass(frozen=True)
class Subject:
    """A network to time: its module, and the shape of one sample."""

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]


def _reference(name: str) -> Subject:
    return Subject(name, lambda: networks[name]().build(), (1, 28, 28))


def _efficientnet() -> nn.Module:
    from models.real.efficientnet_lite0 import build

    return build()


def _torchvision(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        _declare_nms()
        package = need("torchvision", "pip install torchvision")
        return package.models.get_model(name, weights=None)

    return build


def _timm(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        _declare_nms()
        package = need("timm", "pip install timm")
        package.layers.set_fused_attn(False)
        return package.create_model(name, pretrained=False)

    return build


def _declare_nms() -> None:
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
        *(_reference(f"mnist_{kind}") for kind in ("mlp", "cnn", "mixer", "vit")),
        Subject("efficientnet_lite0", _efficientnet, (3, 224, 224)),
        Subject("resnet18", _torchvision("resnet18"), (3, 224, 224)),
        Subject("vit_small", _timm("vit_small_patch16_224"), (3, 224, 224)),
    )
}
