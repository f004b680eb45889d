"""IR -> a torch module: constants as buffers, and the ordered synapses and populations of a run."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from onnx2snn_runtime.dynamics.base import Neuron
from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.fusion import fuse_biases, shorten
from onnx2snn_runtime.interpreter import WIDE, Call, Frame, Tensor, bind, call, to_tensor
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.schema import (
    ModelDefaults,
    NeuronAttributes,
    functions_of,
    is_neuron,
    read_defaults,
    read_neuron,
)
from onnx2snn_runtime.precision import fits, widened

LISTED = 4096
"""Constant integers of no more elements than this are kept on the host as well."""

TYPES = {torch.float32: "float32", torch.float64: "float64", torch.float16: "float16", torch.bfloat16: "bfloat16"}


class Clamped(NamedTuple):
    """clip(g(x), *bounds): the calls that compute g, the name of its result, and the bounds."""

    body: tuple[Call, ...]
    result: str
    bounds: tuple[float, float]


@dataclass(frozen=True)
class Population:
    """One neuron node: the function it computes, and how its values are named in the graph."""

    name: str
    op_type: str
    output: str
    sources: tuple[str, ...]
    constants: tuple[str, ...]
    body: tuple[Call, ...] = field(repr=False)
    formal: tuple[str, ...] = field(repr=False)
    result: str = field(repr=False)
    attributes: NeuronAttributes = field(repr=False)

    def clamped(self, frame: Frame) -> "Clamped | None":
        """Return the function as a clip of another, which kernels compute on the way; None where it is none.

        MaxPool(Relu(x)) is Relu(MaxPool(x)): a function that never falls may change places with a maximum.
        """
        body, last = list(self.body), self.body[-1]
        if last.op_type == "MaxPool" and len(body) > 1 and body[-2].outputs[0] == last.inputs[0]:
            body[-2:] = [replace(last, inputs=body[-2].inputs[:1]), replace(body[-2], inputs=(last.outputs[0],))]
            last = replace(self.body[-2], inputs=(last.outputs[0], *self.body[-2].inputs[1:]))
        bounds = self._bounds(last, frame)
        return None if bounds is None else Clamped(tuple(body[:-1]), last.inputs[0], bounds)

    def _bounds(self, last: Call, frame: Frame) -> tuple[float, float] | None:
        if last.op_type == "Relu":
            return 0.0, math.inf
        if last.op_type != "Clip" or last.attributes:
            return None
        held = dict(zip(self.formal[len(self.sources) :], self.constants, strict=True))
        named = [held.get(name, "?") if name else None for name in (*last.inputs[1:], "", "")][:2]
        if "?" in named:  # a bound that the body computes
            return None
        low, high = (
            default if n is None else _number(frame, n) for n, default in zip(named, (-math.inf, math.inf), strict=True)
        )
        return (low, high) if low <= high else None

    def listed(self, frame: Frame) -> dict[str, Any]:
        """Return the constants that `frame` knows on the host, by their names in the body."""
        formal = self.formal[len(self.sources) :]
        return {name: frame.host[held] for name, held in zip(formal, self.constants, strict=True) if held in frame.host}

    def target(
        self,
        sources: Sequence[Tensor],
        constants: Sequence[Tensor],
        dtype: torch.dtype,
        host: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Return f(x1, ..., xk), computed in `dtype`; `host` holds constants of the body that the host knows."""
        frame = Frame(dtype, sources[0].device, host=dict(host or {}))
        frame.values.update(zip(self.formal, (*sources, *constants), strict=True))
        for item in self.body:
            call(item, frame)
        target: Tensor = frame.get(self.result)
        return target


@dataclass(frozen=True)
class Port:
    """A graph input or output: its name, the ONNX element type and the dimensions (0: any)."""

    name: str
    type: int
    shape: tuple[int, ...] | None


class Program(nn.Module):
    """The executable form of a spiking IR model; it holds weights, and no state of a run."""

    def __init__(self, model: onnx.ModelProto, where: str = "the model") -> None:
        super().__init__()
        self.where = where
        self.defaults: ModelDefaults = read_defaults(model, where)
        self.inputs = ports(model)
        self.outputs = _ports(model.graph.output)
        self.footprints: dict[Any, int] = {}
        self._names: dict[str, str] = {}
        self.version = 0
        """Counts the changes of type, device and parameters."""
        self.compile_regions = False
        self.anchor: Tensor
        self.register_buffer("anchor", torch.zeros((), dtype=_own_dtype(model)), persistent=False)
        for tensor in model.graph.initializer:
            self._hold(tensor)
        self._lists = self._list()
        self._bind(model)

    def _hold(self, tensor: onnx.TensorProto) -> None:
        value = to_tensor(numpy_helper.to_array(tensor))
        key = f"{len(self._names)}_{tensor.name.replace('.', '_')}"
        self._names[tensor.name] = key
        self.register_buffer(key, value.to(self.anchor.dtype) if value.is_floating_point() else value)

    def store(self, model: onnx.ModelProto) -> None:
        """Write weights that were changed since they were read into the initializers of `model`, in their own types."""
        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor)
            held = getattr(self, self._names[tensor.name]).detach().cpu()
            if not torch.equal(to_tensor(array).to(held.dtype), held):
                tensor.CopyFrom(numpy_helper.from_array(held.double().numpy().astype(array.dtype), tensor.name))

    def _bind(self, model: onnx.ModelProto) -> None:
        flow = analyse(model.graph, self.defaults.spiking_inputs)
        opsets = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}
        functions = functions_of(model)

        def build(node: onnx.NodeProto) -> Call | Population:
            if is_neuron(node):
                return _population(node, functions[node.op_type], opsets, self.where)
            return bind(node, opsets, flow.varying, self.where)

        self.prologue = [item for item in map(build, flow.prologue) if isinstance(item, Call)]
        self.loop = [build(node) for node in flow.loop]
        self.tail = [item for item in map(build, flow.tail) if isinstance(item, Call)]
        self.readout = [item for item in map(build, flow.readout) if isinstance(item, Call)]
        self.varying = flow.varying
        self._fuse()
        self.populations = [item for item in self.loop if isinstance(item, Population)]
        if not self.populations:
            raise ModelError(f"{self.where} holds no neuron: convert a model with a nonlinearity")
        self.releases = self._last_uses()
        self._choose_precision()

    def _fuse(self) -> None:
        """Replace calls by faster ones of the same results."""
        held = {name: getattr(self, key) for name, key in self._names.items()}
        kept = frozenset(port.name for port in self.outputs)
        late = frozenset(name for item in (*self.tail, *self.readout) for name in item.inputs)
        self.loop = [self._shortened(item, held) for item in fuse_biases(self.loop, held, kept | late)]
        self.tail = fuse_biases(self.tail, held, kept | frozenset(n for item in self.readout for n in item.inputs))

    def _shortened(self, item: "Call | Population", held: Mapping[str, Tensor]) -> "Call | Population":
        if isinstance(item, Call) or len(item.sources) > 1:
            return item
        short = shorten(item.body, item.formal, [held.get(name) for name in item.constants])
        return item if short is None else replace(item, body=(short,), result=short.outputs[0])

    def _last_uses(self) -> list[tuple[str, ...]]:
        """Return, for each item of the loop, the varying values that nothing needs after it."""
        later = {name for item in (*self.tail, *self.readout) for name in item.inputs}
        later |= {port.name for port in self.outputs}
        released: list[tuple[str, ...]] = []
        for item in reversed(self.loop):
            used = (*item.sources, *item.constants) if isinstance(item, Population) else item.inputs
            names = {name for name in used if name in self.varying and name not in later}
            later |= names
            released.append(tuple(sorted(names)))
        return released[::-1]

    def _read_by_synapses_alone(self) -> frozenset[str]:
        """Return the populations whose estimates nothing reads but synapses, which run in the program's type."""
        read = {name for item in self.populations for name in item.sources} | {port.name for port in self.outputs}
        read |= {name for item in self.readout for name in item.inputs}
        read |= {
            name for item in (*self.loop, *self.tail) if isinstance(item, Call) and item.wide for name in item.inputs
        }
        return frozenset(item.output for item in self.populations if item.output not in read)

    def _choose_precision(self) -> None:
        """Mark the synapses that cannot run in the program's type: see `precision`."""
        wide = {
            item.output
            for item in self.populations
            if not fits(self.dtype, item.attributes.scale, item.attributes.levels, item.attributes.mantissa)
        }
        self.loop = widened(self.loop, wide)
        self.tail = widened(self.tail, wide)
        self.narrow = self._read_by_synapses_alone()
        self.version += 1

    def _apply(self, fn: Any, recurse: bool = True) -> "Program":
        """Move to another device or type, as `torch.nn.Module` does it."""
        super()._apply(fn, recurse)
        self._choose_precision()
        self._lists = self._list()
        return self

    def use_channels_last(self) -> None:
        """Lay the weights of two-dimensional convolutions out with their channels last; values then follow."""
        for item in (*self.prologue, *self.loop, *self.tail):
            if isinstance(item, Call) and item.op_type == "Conv" and item.inputs[1] in self._names:
                key = self._names[item.inputs[1]]
                weight = getattr(self, key)
                if weight.ndim == 4:
                    setattr(self, key, weight.to(memory_format=torch.channels_last))
        self.version += 1

    def _list(self) -> dict[str, Any]:
        """Return the constants that handlers may want as Python numbers, read once, so that no run waits for them."""
        held = {name: getattr(self, key) for name, key in self._names.items()}
        return {
            name: value.tolist()
            for name, value in held.items()
            if value.numel() == 1 or (value.numel() <= LISTED and not value.is_floating_point())
        }

    def set_attributes(self, name: str, attributes: NeuronAttributes) -> None:
        """Give the population `name` other attributes."""
        for index, item in enumerate(self.loop):
            if isinstance(item, Population) and item.name == name:
                self.loop[index] = replace(item, attributes=attributes)
        self.populations = [item for item in self.loop if isinstance(item, Population)]
        self._choose_precision()

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type that synapses run in."""
        return self.anchor.dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.anchor.device

    @property
    def wide(self) -> torch.dtype:
        """The floating-point type of estimates, targets and accumulated currents: float32 or more."""
        return WIDE.get(self.dtype, self.dtype)

    def frame(self) -> Frame:
        """Return a new frame that holds the constants."""
        frame = Frame(self.dtype, self.device, host=dict(self._lists))
        frame.values.update({name: getattr(self, key) for name, key in self._names.items()})
        return frame

    def neuron(self, item: Population) -> Neuron:
        """Return what the dynamics may know of `item`, its scale on the device."""
        a = item.attributes
        scale: Tensor | float = float(a.scale.item()) if a.scale.size == 1 else self._on_device(a.scale)
        return Neuron(scale, a.sources, a.levels, a.mantissa)

    def _on_device(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.array(array), dtype=self.wide, device=self.device)


def _number(frame: Frame, name: str) -> float:
    value = frame.listed(name)
    return float(value[0] if isinstance(value, list) else value)


def _population(
    node: onnx.NodeProto, function: onnx.FunctionProto, opsets: Mapping[str, int], where: str
) -> Population:
    attributes = read_neuron(node)
    own = dict(opsets) | {o.domain: o.version for o in function.opset_import}
    return Population(
        name=node.name or node.output[0],
        op_type=node.op_type,
        output=node.output[0],
        sources=tuple(node.input[: attributes.sources]),
        constants=tuple(node.input[attributes.sources :]),
        body=tuple(bind(inner, own, where=f"the function {function.name} of {where}") for inner in function.node),
        formal=tuple(function.input),
        result=function.output[0],
        attributes=attributes,
    )


def _initialised(model: onnx.ModelProto) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}


def ports(model: onnx.ModelProto) -> tuple[Port, ...]:
    """Return the real inputs of `model`: those that are not initializers."""
    held = _initialised(model)
    return _ports(value for value in model.graph.input if value.name not in held)


def _own_dtype(model: onnx.ModelProto) -> torch.dtype:
    """Return float64 for a model whose inputs or weights are all double, else float32."""
    kinds = {value.type.tensor_type.elem_type for value in model.graph.input}
    kinds |= {tensor.data_type for tensor in model.graph.initializer}
    floats = kinds & {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    return torch.float64 if onnx.TensorProto.DOUBLE in kinds and not floats else torch.float32


def _ports(values: Iterable[onnx.ValueInfoProto]) -> tuple[Port, ...]:
    return tuple(_port(value) for value in values)


def _port(value: onnx.ValueInfoProto) -> Port:
    if not value.type.HasField("tensor_type"):
        raise UnsupportedError(f"{value.name!r} is no tensor: only tensors can be inputs and outputs of a network")
    tensor = value.type.tensor_type
    known = tensor.HasField("shape")
    return Port(value.name, tensor.elem_type, tuple(d.dim_value for d in tensor.shape.dim) if known else None)
