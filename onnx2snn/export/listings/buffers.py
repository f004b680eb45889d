"""The arrays of a network as buffers of its module."""

from collections.abc import Iterable

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from onnx2snn.export.listings.names import Names
from onnx2snn.export.listings.nodes import Scope, plain
from onnx2snn_runtime.program.interpreter import to_tensor

METHODS = {"step", "fire", "shown", "evaluate", "reset", "states", "spikes", "biases", "stage", "t", "value"}


class Buffers:
    """Holds `arrays` by the names of buffers, floats in `dtype`."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.dtype = dtype
        self._names = Names({*METHODS, *dir(torch.nn.Module()), "training"})

    def add(self, name: str, value: torch.Tensor) -> str:
        """Add a buffer named like `name` and return how a method reads it."""
        chosen = self._names.new(plain(name))
        self.arrays[chosen] = (value.to(self.dtype) if value.is_floating_point() else value).detach().cpu().numpy()
        return f"self.{chosen}"

    def hold(self, tensors: Iterable[onnx.TensorProto], scope: Scope) -> None:
        """Add the initializers of a graph, so that the lines of `scope` can read them."""
        for tensor in tensors:
            text = self.add(tensor.name, to_tensor(numpy_helper.to_array(tensor)))
            scope.texts[tensor.name] = text
            scope.arrays[tensor.name] = self.arrays[text.removeprefix("self.")]
