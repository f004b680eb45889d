"""A graph that grows node by node: ONNX's own inference says what each node gives, so no template repeats its rules."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper, shape_inference

BATCH = "N"
SIZES = (1, 2, 3, 4, 5, 7)
"""Odd sizes find more than even ones."""


class Misfit(Exception):
    """The operator has no place in the graph as it is."""


@dataclass(frozen=True)
class Value:
    """A value of the graph: its name, ONNX element type and sizes; the first is the batch."""

    name: str
    type: int
    shape: tuple[int | str, ...]

    @property
    def floating(self) -> bool:
        """Whether it is of the graph's float type."""
        return self.type in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes without the batch."""
        return tuple(int(size) for size in self.shape[1:])


@dataclass
class Growing:
    """The nodes, constants and values so far, and the random numbers that choose among them."""

    draw: np.random.Generator
    opset: int
    type: int = TensorProto.FLOAT
    inputs: list[Value] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    types: dict[str, onnx.TypeProto] = field(default_factory=dict)

    @property
    def kind(self) -> np.dtype:
        """The numpy type of the graph's floats."""
        return np.dtype(helper.tensor_dtype_to_np_dtype(self.type))

    def choose(self, *options: Any) -> Any:
        """Return one of `options`."""
        return options[int(self.draw.integers(len(options)))]

    def chance(self, share: float) -> bool:
        """Return True with the probability `share`."""
        return bool(self.draw.random() < share)

    def input(self, type_: int, *sizes: int) -> Value:
        """Return a new input of the model."""
        value = Value(f"x{len(self.inputs)}", type_, (BATCH, *sizes))
        self.types[value.name] = helper.make_tensor_type_proto(type_, value.shape)
        self.inputs.append(value)
        self.values.append(value)
        return value

    def pick(self, least: int = 1, most: int = 5, kind: str = "f") -> Value:
        """Return a value of a rank from `least` to `most`, new ones preferred; kind: f, i(nteger) or b(oolean)."""
        fitting = [v for v in self.values if least <= len(v.shape) <= most and _kind(v) == kind]
        if not fitting:
            raise Misfit
        back = int(min(self.draw.geometric(0.35), len(fitting)))
        return fitting[-back]

    def like(self, other: Value) -> Value:
        """Return a value of the type and shape of `other`, which may be itself."""
        same = [v for v in self.values if (v.type, v.shape) == (other.type, other.shape)]
        return same[int(self.draw.integers(len(same)))]

    def constant(self, value: Any, kind: Any = None) -> str:
        """Return the name of a new constant, of the graph's float type unless `kind` is given."""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, self.kind if kind is None else kind)
        return name

    def integers(self, *values: int) -> str:
        """Return the name of a new constant of integers."""
        return self.constant(values, np.int64)

    def weight(self, *shape: int, scale: float = 1.0) -> str:
        """Return the name of new random weights, small enough that values keep their size."""
        fan = max(1, int(np.prod(shape[1:])))
        return self.constant(self.draw.standard_normal(shape) * scale / fan**0.5)

    def add(self, op: str, inputs: Sequence[Value | str], outputs: int = 1, **attributes: Any) -> list[Value]:
        """Return the outputs of a new node; what ONNX does not infer, or what loses the batch, raises Misfit."""
        found = [self._value(name) for name in self.hidden(op, inputs, outputs, **attributes)]
        known = [value for value in found if value is not None]
        self.values += known
        if len(known) < outputs:
            raise Misfit
        return known

    def hidden(self, op: str, inputs: Sequence[Value | str], outputs: int = 1, **attributes: Any) -> list[str]:
        """Return the names of the outputs of a new node, which may be shapes and the like, for this template alone."""
        names = [item if isinstance(item, str) else item.name for item in inputs]
        made = [f"v{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(outputs)]
        node = helper.make_node(op, names, made, f"{op}_{len(self.nodes)}", **attributes)
        self.types.update(self._inferred(node))
        self.nodes.append(node)
        return made

    def _inferred(self, node: onnx.NodeProto) -> dict[str, onnx.TypeProto]:
        data = {n: numpy_helper.from_array(self.constants[n], n) for n in node.input if n in self.constants}
        types = {n: helper.make_tensor_type_proto(tensor.data_type, tensor.dims) for n, tensor in data.items()}
        types |= {name: self.types[name] for name in node.input if name in self.types}
        try:
            schema = defs.get_schema(node.op_type, self.opset, node.domain)
            imports = [helper.make_opsetid("", self.opset)]
            found = shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=imports)
        except (defs.SchemaError, shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError) as error:
            raise Misfit from error
        return dict(found)

    def _value(self, name: str) -> Value | None:
        tensor = self.types.get(name, onnx.TypeProto()).tensor_type
        if not tensor.HasField("shape") or not tensor.elem_type:
            return None
        shape = tuple(d.dim_param or d.dim_value for d in tensor.shape.dim)
        if shape and not shape[0]:  # of an unknown size: the batch, as likely as not; a run will tell
            shape = (BATCH, *shape[1:])
            self.types[name] = helper.make_tensor_type_proto(tensor.elem_type, shape)
        good = shape and shape[0] == BATCH and all(isinstance(n, int) and 0 < n <= 64 for n in shape[1:])
        return Value(name, tensor.elem_type, shape) if good and np.prod(shape[1:], dtype=float) <= 2048 else None


def _kind(value: Value) -> str:
    if value.floating:
        return "f"
    return "b" if value.type == TensorProto.BOOL else "i"
