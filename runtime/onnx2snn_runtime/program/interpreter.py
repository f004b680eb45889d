"""Interprets ONNX nodes with the operator handlers, on values by name; it knows nothing of time steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from onnx2snn_runtime.errors import InputError, ModelError, Onnx2SnnError, UnsupportedError, first_line
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ops import LONGEST, Operator, find_operator

Tensor = torch.Tensor

WIDE = {torch.float16: torch.float32, torch.bfloat16: torch.float32}
"""The dtype of estimates, targets and accumulated currents for synapses in half precision."""


@dataclass(frozen=True)
class Call:
    """One node, bound to its operator handler."""

    node: str
    op_type: str
    operator: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(repr=False)
    varying: tuple[bool, ...] = ()
    wide: bool = False
    """Whether it is computed in float32 even if the program is in half precision: see `precision`."""
    strategies: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Cached strategies to compute it over time, by the shapes of its arguments: see `execution.over_time`."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "strategies": {}}

    @property
    def label(self) -> str:
        """A description of the node for messages."""
        return f"{self.op_type} node {self.node or self.outputs[0]!r}"


@dataclass
class Frame:
    """The values of a run by name: tensors, and host copies of those that handlers take as Python numbers.

    Floating-point values are read in `dtype` whatever the graph declares, so that one file runs in any precision.
    """

    dtype: torch.dtype
    device: torch.device
    values: dict[str, Any] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)

    def set(self, name: str, value: Any) -> None:
        """Bind `name` to `value`."""
        if name:
            self.values[name] = value
            self.host.pop(name, None)

    def get(self, name: str, wide: bool = False) -> Any:
        """Return the value of `name`, floating-point tensors in the frame's dtype; None for an omitted input.

        With `wide`, half precision is replaced by float32.
        """
        if not name:
            return None
        value = self.values[name]
        if not isinstance(value, Tensor):
            return value
        wanted = WIDE.get(self.dtype, self.dtype) if wide else self.dtype
        if value.is_floating_point() and value.dtype != wanted:
            return value.to(self.device, wanted)
        if value.device == self.device:
            return value
        return value.to(self.device, non_blocking=True)  # Shape answers on the host

    def host_value(self, name: str) -> Any:
        """Return the value of `name` as nested lists of Python numbers; the host copy is cached."""
        if not name:
            return None
        if name not in self.host:
            value = self.values[name]
            self.host[name] = value.tolist() if isinstance(value, Tensor) else value
        return self.host[name]


def bind(
    node: onnx.NodeProto, opsets: Mapping[str, int], varying: frozenset[str] = frozenset(), where: str = "the model"
) -> Call:
    """Return `node` bound to its handler; an operator without one raises UnsupportedError."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    operator = find_operator(node.op_type, opsets.get(domain, 1), domain)
    if operator is None:
        raise UnsupportedError(
            f"{where} holds a {domain + '.' if domain else ''}{node.op_type} node {node.name!r} that has no handler"
        )
    attributes = {a.name: _attribute(a, opsets, where) for a in node.attribute}
    if operator.wants_outputs:
        attributes["outputs"] = len(node.output)
    flags = tuple(name in varying for name in node.input)
    return Call(node.name, node.op_type, operator, tuple(node.input), tuple(node.output), attributes, flags)


def call(item: Call, frame: Frame, arguments: Sequence[Any] | None = None) -> None:
    """Compute `item` and bind its outputs in `frame`; `arguments` replace the values in the frame."""
    bind_outputs(item, frame, compute(item, gather(item, frame) if arguments is None else arguments))


def gather(item: Call, frame: Frame) -> list[Any]:
    """Return the inputs of `item` as its handler takes them; shape arithmetic stays on the host, without waiting."""
    here = _on_host(item, frame) if frame.device.type != "cpu" and not any(item.varying) else None
    return [fetch(item, frame, i) for i in range(len(item.inputs))] if here is None else here


def _on_host(item: Call, frame: Frame) -> list[Any] | None:
    """Return the inputs of `item` on the host if one is there and all have host copies, else None."""
    found: list[Any] = []
    some = False
    for i, name in enumerate(item.inputs):
        value = frame.values[name] if name else None
        if isinstance(value, Tensor) and i not in item.operator.ints and i not in item.operator.scalars:
            if value.is_floating_point() or (value.device.type != "cpu" and name not in frame.host):
                return None
            some = some or value.device.type == "cpu"
            value = value if value.device.type == "cpu" else torch.tensor(frame.host[name], dtype=value.dtype)
            found.append(value)
        else:
            found.append(fetch(item, frame, i))
    return found if some else None


def bind_outputs(item: Call, frame: Frame, result: Any) -> None:
    """Bind the outputs of `item` in `frame`: one value, or a tuple of them."""
    results = result if isinstance(result, tuple) else (result,)
    for name, value in zip(item.outputs, results, strict=False):
        frame.set(name, value)


ENDLESS = ("Slice", "Trilu")
"""Operators of which a larger number means: to the end."""

_FAILURES = (RuntimeError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError, AssertionError)
"""What handlers and torch raise over inputs or attributes that make no sense."""


def compute(item: Call, arguments: Sequence[Any], function: Callable[..., Any] | None = None) -> Any:
    """Return the result of the handler of `item`, or of `function`, for `arguments`; errors name the node."""
    try:
        return (function or item.operator.function)(*arguments, **item.attributes)
    except Onnx2SnnError as error:
        raise type(error)(f"{error} (in the {item.label})") from error
    except _FAILURES as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise ModelError(f"the {item.label} cannot be computed: {_sentence(error)}") from error


def fetch(item: Call, frame: Frame, index: int) -> Any:
    """Return input `index` of `item` as its handler takes it: a tensor, a list of integers or a number."""
    name = item.inputs[index]
    if index in item.operator.ints:
        value = frame.host_value(name)
        value = [value] if isinstance(value, int) else value
        if item.op_type not in ENDLESS and value and max(value) > LONGEST:
            raise ModelError(
                f"the {item.label} is given the size {max(value)}, and no axis is longer than 2^30: the file is "
                "damaged; export it anew"
            )
        return value
    if index in item.operator.scalars:
        value = frame.host_value(name)
        return value[0] if isinstance(value, list) and len(value) == 1 else value
    return frame.get(name, item.wide)


def call_linear(item: Call, frame: Frame, deltas: Frame) -> None:
    """Compute the linear part of `item` for changes: bind the change of its outputs in `deltas`."""
    call(item, deltas, linear_arguments(item, frame, deltas))


def linear_arguments(item: Call, frame: Frame, deltas: Frame) -> list[Any]:
    """Return the arguments by which `item` computes its linear part for changes.

    Constant terms are set to zero; if no factor varies but a bias does, one factor is set to zero.
    """
    known = facts(item.op_type, item.operator.domain)
    if not known.affine:
        raise ModelError(f"the {item.label} is no synapse")
    factor_varies = any(flag and known.role(i) == "f" for i, flag in enumerate(item.varying))
    arguments = []
    cleared = factor_varies
    for i, flag in enumerate(item.varying):
        value = fetch(item, deltas if flag else frame, i)
        role = known.role(i)
        if not flag and isinstance(value, Tensor) and (role == "t" or (role == "f" and not cleared)):
            value = torch.zeros_like(value)
            cleared = cleared or role == "f"
        elif not flag and role == "t" and isinstance(value, int | float):
            value = 0.0  # a bias that arrives as a number: the value that Pad pads with
        arguments.append(value)
    return arguments


def to_tensor(array: np.ndarray) -> Tensor:
    """Return a torch copy of a numpy array (bfloat16 from ml_dtypes included); types torch lacks raise InputError."""
    if array.dtype.kind in "OSU":
        raise InputError("a tensor of strings cannot be computed with: remove it from the model")
    if str(array.dtype) == "bfloat16":
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    try:
        return torch.from_numpy(np.array(array, copy=True, order="C"))
    except TypeError as error:
        raise InputError(f"torch has no numbers of the type {array.dtype}: convert them to float32 first") from error


def _attribute(attribute: onnx.AttributeProto, opsets: Mapping[str, int], where: str) -> Any:
    if attribute.ref_attr_name:
        raise UnsupportedError(f"{where} has a function with the linked attribute {attribute.name!r}: inline it first")
    value = helper.get_attribute_value(attribute)
    if attribute.type in (onnx.AttributeProto.STRING, onnx.AttributeProto.STRINGS):
        try:
            single = attribute.type == onnx.AttributeProto.STRING
            return value.decode("utf-8") if single else [item.decode("utf-8") for item in value]
        except UnicodeDecodeError as error:
            raise ModelError(
                f"the attribute {attribute.name!r} of a node of {where} is no text: it is damaged"
            ) from error
    if attribute.type == onnx.AttributeProto.TENSOR:
        return to_tensor(numpy_helper.to_array(value))
    if attribute.type == onnx.AttributeProto.GRAPH:
        return _subgraph(value, opsets, where)
    return list(value) if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS) else value


def _subgraph(graph: onnx.GraphProto, opsets: Mapping[str, int], where: str) -> Callable[..., Any]:
    raise UnsupportedError(f"{where} holds the control-flow subgraph {graph.name!r}, which cannot be run over time")


def _sentence(error: Exception) -> str:
    """Return the first line of `error`, with its type where that says what happened."""
    bare = isinstance(error, KeyError | ArithmeticError | AttributeError) or not str(error).strip()
    return f"{type(error).__name__} {first_line(error)}".strip() if bare else first_line(error)
