"""Replaces nodes of a ModelProto by several others; what the passes that write operators out share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn_runtime.ir.schema import opset_of


@dataclass
class Writer:
    """Collects the nodes that stand for `node`; `constants` are the model's constants by name.

    `exact` is shared by all nodes of a model: a place for names that a rule has to know again.
    """

    node: onnx.NodeProto
    constants: Mapping[str, onnx.TensorProto]
    exact: set[str]
    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def add(self, op: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Append a node of ONNX's own domain and return the name of its output."""
        stem = next(name for name in self.node.output if name)
        name = output or f"{stem}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def constant(self, value: np.ndarray | np.generic, output: str = "") -> str:
        """Append a constant and return its name."""
        return self.add("Constant", [], output, value=numpy_helper.from_array(np.asarray(value)))

    def taken(self, first: int, end: int) -> list[str]:
        """Return the names of inputs without the omitted ones at the end."""
        names = list(self.node.input[first:end])
        while names and not names[-1]:
            names.pop()
        return names

    def attributes(self, *without: str) -> dict[str, Any]:
        """Return the attributes of the node but for those named."""
        return {a.name: helper.get_attribute_value(a) for a in self.node.attribute if a.name not in without}

    def reduced(self, op: str, x: str, axis: int, keepdims: int) -> str:
        """Append a reduction along one axis, in the form that the opset has, and return the name of its output."""
        if self.opset < (13 if op == "ReduceSum" else 18):
            return self.add(op, [x], axes=[axis], keepdims=keepdims)
        return self.add(op, [x, self.constant(np.array([axis]))], keepdims=keepdims)


Rules = Mapping[tuple[str, str], Callable[[Writer], None]]


def replace_nodes(model: onnx.ModelProto, rules: Rules, fits: Callable[[onnx.NodeProto], bool]) -> int:
    """Replace each node that has a rule, by domain and operator, and fits; return how many were.

    A rule that writes nothing keeps its node.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    exact: set[str] = set()
    opset = opset_of(model)
    nodes: list[onnx.NodeProto] = []
    changed = 0
    for node in graph.node:
        rule = rules.get(("" if node.domain == "ai.onnx" else node.domain, node.op_type))
        if rule is None or not fits(node):
            nodes.append(node)
            continue
        writer = Writer(node, constants, exact, opset)
        rule(writer)
        nodes += writer.nodes or [node]
        changed += bool(writer.nodes)
    if changed:
        del graph.node[:]
        graph.node.extend(nodes)
    return changed
