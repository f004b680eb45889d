"""The constants of a program: their host copies, and how changed weights are written back into a model."""

from collections.abc import Mapping
from typing import Any

import onnx
import torch
from onnx import numpy_helper

from onnx2snn_runtime.program.interpreter import Tensor, to_tensor

MAX_HOST_ELEMENTS = 4096
"""Integer constants with at most this many elements have host copies."""


def host_values(constants: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return host copies of the constants that handlers may take as Python numbers, so that no run has to wait."""
    return {
        name: value.tolist()
        for name, value in constants.items()
        if value.numel() == 1 or (value.numel() <= MAX_HOST_ELEMENTS and not value.is_floating_point())
    }


def store_weights(model: onnx.ModelProto, constants: Mapping[str, Tensor]) -> None:
    """Write weights that changed since loading into the initializers of `model`, in the types declared there."""
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        weight = constants[tensor.name].detach().cpu()
        if not torch.equal(to_tensor(array).to(weight.dtype), weight):
            tensor.CopyFrom(numpy_helper.from_array(weight.double().numpy().astype(array.dtype), tensor.name))
