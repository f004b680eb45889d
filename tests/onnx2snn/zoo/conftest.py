"""A torchvision whose compiled operators do not load (they fit one build of torch alone) can still build models."""

import importlib.util
from pathlib import Path

import pytest
import torch

_KEPT = []


def _declare_missing_operators() -> None:
    """Declare the operators that `import torchvision` asks for, where its own library does not load."""
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return
    try:
        for library in Path(found.origin).parent.glob("_C.*"):
            torch.ops.load_library(library)
            return
    except OSError:
        pass
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _KEPT.append(library)


_declare_missing_operators()


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test off the network, and off the exporters' own deprecations."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if importlib.util.find_spec("huggingface_hub"):  # it comes with the zoo's packages
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True, raising=False)
