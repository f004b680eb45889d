"""The inputs and outputs of a network: names, element types, dimensions."""

from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from onnx2snn_runtime.errors import UnsupportedError


@dataclass(frozen=True)
class Port:
    """A graph input or output: its name, the ONNX element type and the dimensions (0: any)."""

    name: str
    type: int
    shape: tuple[int, ...] | None


def _initialised(model: onnx.ModelProto) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}


def ports(model: onnx.ModelProto) -> tuple[Port, ...]:
    """Return the real inputs of `model`: those that are not initializers."""
    held = _initialised(model)
    return named_ports(value for value in model.graph.input if value.name not in held)


def named_ports(values: Iterable[onnx.ValueInfoProto]) -> tuple[Port, ...]:
    """Return `values` as ports; one that is no tensor raises UnsupportedError."""
    return tuple(_port(value) for value in values)


def _port(value: onnx.ValueInfoProto) -> Port:
    if not value.type.HasField("tensor_type"):
        raise UnsupportedError(f"{value.name!r} is no tensor: only tensors can be inputs and outputs of a network")
    tensor = value.type.tensor_type
    known = tensor.HasField("shape")
    return Port(value.name, tensor.elem_type, tuple(d.dim_value for d in tensor.shape.dim) if known else None)
