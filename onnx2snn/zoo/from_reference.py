"""The reference networks of the repository (its folder `models`), which are not installed with the package."""

import importlib
from pathlib import Path
from typing import Any

import onnx
import torch

from onnx2snn.zoo.base import SOURCES, Built, Request, check_name, no_weights
from onnx2snn.zoo.export import seeded, wake
from onnx2snn_runtime.errors import InputError


@SOURCES.register("reference")
class Reference:
    """`reference/NAME`, such as `reference/mnist_vit`; the weights of some are kept in `models/trained`."""

    def names(self) -> list[str]:
        """Return the names of the reference networks."""
        return list(_networks())

    def build(self, name: str, request: Request) -> Built:
        """Return the trained ONNX file, or the network with random weights."""
        networks = _networks()
        check_name(name, list(networks), "reference")
        recipe = networks[name]()
        depth, height, width = recipe.shape
        if request.size not in (None, (height, width)) or request.options:
            raise InputError(f"{request.name!r} is built one way alone: leave out the size and the options")
        if request.pretrained:
            return Built(proto=_trained(name, request), size=recipe.shape)
        with seeded():
            module = recipe.build()
        inputs = {"image": torch.zeros(2, depth, height, width)}
        wake(module, inputs)
        return Built(module, inputs, size=recipe.shape)


def _networks() -> Any:
    try:
        networks = importlib.import_module("models").networks
        networks.discover()
    except (ModuleNotFoundError, AttributeError) as error:
        absent = getattr(error, "name", None)
        if isinstance(error, AttributeError) or absent == "models":
            raise InputError(
                "the reference networks are in the repository of onnx2snn and are not installed: run this in its folder"
            ) from error
        raise InputError(
            f"the reference networks need the package {absent}, which is absent: pip install 'onnx2snn[models]'"
        ) from error
    return networks


def _trained(name: str, request: Request) -> onnx.ModelProto:
    folder = Path(str(importlib.import_module("models").__file__)).parent / "trained"
    try:
        return onnx.load(folder / f"{name}.onnx")
    except FileNotFoundError:
        raise no_weights(request, ValueError(f"train it: python -m models.train {name}")) from None
