"""The trained reference networks as PyTorch modules: their weights come back from the ONNX files of models/trained."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from models import networks
from models.data import load
from models.export import predict

TRAINED = Path(__file__).parents[1] / "models" / "trained"

CALIBRATION = 64
"""So many training images set the scales, ours and those of the tools beside ours."""

CHECKED = 16
"""On so many test images a module and its file must agree."""


def trained_module(name: str) -> nn.Module:
    """Return the reference network `name` with the weights of its file, in eval mode; both agree on test images."""
    path = TRAINED / f"{name}.onnx"
    module = networks[name]().build()
    restore(module, onnx.load(path))
    image = load("mnist").test_image[:CHECKED]
    with torch.no_grad():
        here = module.eval()(torch.from_numpy(image)).numpy()
    if not np.allclose(here, predict(path, {"image": image}), atol=1e-3):
        raise ValueError(f"{path.name} and the module with its weights give different outputs")
    return module


def restore(module: nn.Module, model: onnx.ModelProto) -> None:
    """Put the weights of `model`, exported from a module of this kind, into `module`.

    Most have the names that they have in the module. Those of linear layers on more than two axes are transposed and
    lost their names; they stand in the order of the layers. What is left over or missing raises ValueError.
    """
    state = module.state_dict()
    stored = {item.name: torch.from_numpy(numpy_helper.to_array(item).copy()) for item in model.graph.initializer}
    nameless = [value for name, value in stored.items() if name not in state]
    for name, value in state.items():
        if name in stored:
            state[name] = stored[name]
        elif nameless and nameless[0].shape == value.shape[::-1]:
            state[name] = nameless.pop(0).mT
        elif value.is_floating_point():  # not a counter of batch normalization
            raise ValueError(f"the file has no weight for {name}, of shape {tuple(value.shape)}")
    if nameless:
        raise ValueError(f"the file has {len(nameless)} weights that the module has no place for")
    module.load_state_dict(state)


def calibration() -> np.ndarray:
    """Return the training images that set the scales."""
    return load("mnist").train_image[:CALIBRATION]
