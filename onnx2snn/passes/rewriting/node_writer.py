"""Replaces nodes of a ModelProto by several others: the base of the passes that expand operators."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn_runtime.ir.schema import opset_of

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
Shape = tuple[int | None, ...]


@dataclass
class Writer:
    """Collects the nodes that stand for `node`; `constants` are the model's constants by name.

    `names` (all that there are) and `exact` (a place for names that a rule has to know again) are shared by all nodes
    of a model. `shapes` and `kinds` (types of elements) are those that are known, None for a dimension that is not.
    """

    node: onnx.NodeProto
    constants: Mapping[str, onnx.TensorProto]
    exact: set[str]
    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    @property
    def kind(self) -> int:
        """The type of the node's first floating-point input, FLOAT where none is known."""
        given = (self.kinds.get(name) for name in self.node.input)
        return next((kind for kind in given if kind in _FLOATS), onnx.TensorProto.FLOAT)

    def number(self, value: float) -> str:
        """Append a constant in the node's own floating-point type and return its name."""
        return self.constant(np.asarray(value, helper.tensor_dtype_to_np_dtype(self.kind)))

    def add(self, op: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Append a node of ONNX's own domain and return the name of its output."""
        name = output or self._fresh()
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def _fresh(self) -> str:
        """Return a name that nothing in the model has, after the node's first output."""
        stem = next(name for name in self.node.output if name)
        name = next(n for n in (f"{stem}.{number}" for number in count(len(self.nodes))) if n not in self.names)
        self.names.add(name)
        return name

    def constant(self, value: np.ndarray | np.generic, output: str = "") -> str:
        """Append a constant and return its name."""
        return self.add("Constant", [], output, value=numpy_helper.from_array(np.asarray(value)))

    def read(self, index: int) -> str:
        """Return the name of an input, "" where it is omitted."""
        return self.node.input[index] if index < len(self.node.input) else ""

    def made(self, index: int) -> str:
        """Return the name of an output, "" where nothing wants it."""
        return self.node.output[index] if index < len(self.node.output) else ""

    def value(self, name: str) -> np.ndarray | None:
        """Return the value of a constant, None for what is none."""
        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    def taken(self, first: int, end: int) -> list[str]:
        """Return the names of inputs without the omitted ones at the end."""
        names = list(self.node.input[first:end])
        while names and not names[-1]:
            names.pop()
        return names

    def attributes(self, *without: str) -> dict[str, Any]:
        """Return the attributes of the node but for those named."""
        return {a.name: helper.get_attribute_value(a) for a in self.node.attribute if a.name not in without}

    def reduced(self, op: str, x: str, axes: int | Iterable[int], keepdims: int) -> str:
        """Append a reduction along axes, in the form that the opset has, and return the name of its output."""
        along = [axes] if isinstance(axes, int) else list(axes)
        if self.opset < (13 if op == "ReduceSum" else 18):
            return self.add(op, [x], axes=along, keepdims=keepdims)
        return self.add(op, [x, self.constant(np.array(along))], keepdims=keepdims)

    def unsqueezed(self, x: str, axis: int) -> str:
        """Append an Unsqueeze in the form that the opset has, and return the name of its output."""
        if self.opset < 13:
            return self.add("Unsqueeze", [x], axes=[axis])
        return self.add("Unsqueeze", [x, self.constant(np.array([axis]))])

    def cut(self, x: str, start: int, end: int, axis: int) -> str:
        """Append a Slice along one axis and return the name of its output."""
        return self.add("Slice", [x, *(self.constant(np.array([i])) for i in (start, end, axis))])


Rules = Mapping[tuple[str, str], Callable[[Writer], None]]


def replace_nodes(
    model: onnx.ModelProto,
    rules: Rules,
    fits: Callable[[onnx.NodeProto], bool],
    shapes: Mapping[str, Shape] | None = None,
    kinds: Mapping[str, int] | None = None,
) -> int:
    """Replace each node that has a rule, by domain and operator, and fits; return how many were.

    A rule that writes nothing keeps its node. `shapes` and `kinds` are handed to the rules.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    exact: set[str] = set()
    opset = opset_of(model)
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    nodes: list[onnx.NodeProto] = []
    changed = 0
    for node in graph.node:
        rule = rules.get(("" if node.domain == "ai.onnx" else node.domain, node.op_type))
        if rule is None or not fits(node):
            nodes.append(node)
            continue
        writer = Writer(node, constants, exact, opset, shapes=shapes or {}, kinds=kinds or {}, names=names)
        rule(writer)
        nodes += writer.nodes or [node]
        changed += bool(writer.nodes)
    if changed:
        del graph.node[:]
        graph.node.extend(nodes)
    return changed
