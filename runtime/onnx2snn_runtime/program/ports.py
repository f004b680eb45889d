"""The signature of a network: names, element types, shapes and batch axes of its inputs and outputs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import onnx

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ir.batch import BatchAxes


@dataclass(frozen=True)
class Port:
    """A graph input or output: its name, the ONNX element type and the dimensions (0: any).

    `axis` counts the samples of an input, None where it has no such axis; with `single` samples are then given along a
    new first axis.
    """

    name: str
    type: int
    shape: tuple[int, ...] | None
    axis: int | None = 0
    single: bool = False


def _initialised(model: onnx.ModelProto) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}


def ports(model: onnx.ModelProto) -> tuple[Port, ...]:
    """Return the real inputs of `model`: those that are not initializers."""
    held = _initialised(model)
    return named_ports(value for value in model.graph.input if value.name not in held)


def named_ports(values: Iterable[onnx.ValueInfoProto]) -> tuple[Port, ...]:
    """Return `values` as ports; one that is no tensor raises UnsupportedError."""
    return tuple(_port(value) for value in values)


def placed(ports: Iterable[Port], axes: BatchAxes) -> tuple[Port, ...]:
    """Return input `ports` with the sample axes `axes`."""
    return tuple(replace(port, axis=axes.inputs.get(port.name, port.axis), single=axes.single) for port in ports)


def _port(value: onnx.ValueInfoProto) -> Port:
    if not value.type.HasField("tensor_type"):
        raise UnsupportedError(f"{value.name!r} is no tensor: only tensors can be inputs and outputs of a network")
    tensor = value.type.tensor_type
    known = tensor.HasField("shape")
    shape = tuple(max(0, d.dim_value) for d in tensor.shape.dim) if known else None
    return Port(value.name, tensor.elem_type, shape, None if shape == () else 0)
