"""The constants of a program: its buffers, their host copies, and how changed weights are written back to a model."""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from onnx2snn_runtime.program.channels_last import laid_out, pays, plane_weights
from onnx2snn_runtime.program.interpreter import WIDE, Tensor, to_tensor
from onnx2snn_runtime.program.precision import DECLARED, own_dtype

MAX_HOST_ELEMENTS = 4096
"""Constants with at most this many elements have host copies, if they are integers or handlers read them there."""


def host_values(constants: Mapping[str, Tensor], read: Container[str] = ()) -> dict[str, Any]:
    """Return host copies of the constants that handlers may take as Python numbers, so that no run has to wait.

    Those are integers, single numbers, and what else is in `read`: see `lifetimes.read_as_numbers`.
    """
    return {
        name: value.tolist()
        for name, value in constants.items()
        if value.numel() == 1
        or (value.numel() <= MAX_HOST_ELEMENTS and (name in read or not value.is_floating_point()))
    }


def store_weights(model: onnx.ModelProto, constants: Mapping[str, Tensor]) -> None:
    """Write weights that changed since loading into the initializers of `model`, in the types declared there."""
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        weight = constants[tensor.name].detach().cpu()
        if not torch.equal(to_tensor(array).to(weight.dtype), weight):
            tensor.CopyFrom(numpy_helper.from_array(weight.double().numpy().astype(array.dtype), tensor.name))


class Weights(nn.Module):
    """The constants of a model as buffers, and the dtype and device that they have."""

    def __init__(self, model: onnx.ModelProto, parent: "Weights | None" = None) -> None:
        """Register the initializers of `model`; with a `parent` its weights are shared."""
        super().__init__()
        self._names: dict[str, str] = {}
        self.anchor: Tensor
        self.own_dtype: torch.dtype = own_dtype(model) if parent is None else parent.own_dtype
        """The type of the file: a program of another one was moved to it."""
        if parent is None:
            self.register_buffer("anchor", torch.zeros((), dtype=self.own_dtype), persistent=False)
        else:
            self._share(parent)
        for tensor in model.graph.initializer:
            self._register_constant(tensor)
        self.channels_last: bool | None = None
        """Whether the weights of convolutions over planes lie in channels last; None: where that mostly pays."""
        self._planes = plane_weights(model) if parent is None else ()
        self.lay_out()
        self._host_values: dict[str, Any] = {}

    def _share(self, parent: "Weights") -> None:
        """Take the weights of `parent`, with their type and device."""
        self.register_buffer("anchor", parent.anchor, persistent=False)
        self._names = dict(parent._names)
        for key in self._names.values():
            self.register_buffer(key, getattr(parent, key))

    def _register_constant(self, tensor: onnx.TensorProto) -> None:
        value = to_tensor(numpy_helper.to_array(tensor))
        key = f"{len(self._names)}_{tensor.name.replace('.', '_')}"
        self._names[tensor.name] = key
        dtype = self.anchor.dtype if value.is_floating_point() else value.dtype
        self.register_buffer(key, value.to(self.anchor.device, dtype))

    def lay_out(self) -> None:
        """Bring the weights of convolutions over planes into their layout, once for all runs."""
        turned = pays(self.device, self.dtype) if self.channels_last is None else self.channels_last
        for name in self._planes:
            setattr(self, self._names[name], laid_out(self.constants[name], turned))

    @property
    def constants(self) -> dict[str, Tensor]:
        """The weights and other constants, by name."""
        buffers = self._buffers
        return {name: buffers[key] for name, key in self._names.items()}  # type: ignore[misc]

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type that synapses run in."""
        return self._buffers["anchor"].dtype  # type: ignore[union-attr]

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self._buffers["anchor"].device  # type: ignore[union-attr]

    @property
    def wide(self) -> torch.dtype:
        """The floating-point type of estimates, targets and accumulated currents: float32 or more."""
        return WIDE.get(self.dtype, self.dtype)

    def type_of_output(self, value: Tensor, declared: int) -> torch.dtype:
        """Return the type that an output leaves in: the `declared` ONNX type, but in a program that was moved."""
        if not value.is_floating_point():
            return value.dtype
        own = DECLARED.get(declared, self.wide)
        return own if self.dtype in (self.own_dtype, own) else self.wide

    def on_device(self, array: np.ndarray) -> Tensor:
        """Return a copy of `array` on the device of the weights, in the type of estimates."""
        return torch.as_tensor(np.array(array), dtype=self.wide, device=self.device)
