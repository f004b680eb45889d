"""Builds nodes with fresh names, for passes that rewrite one operator into several."""

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class NodeBuilder:
    """Collects nodes and constants whose names start with `stem` and differ from those in `taken`."""

    def __init__(self, stem: str, taken: set[str]) -> None:
        self.stem = stem
        self.taken = taken
        self._counts: dict[str, int] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def name(self, part: str) -> str:
        """Return a name that nothing has yet."""
        number = self._counts.get(part, 0)
        name = f"{self.stem}/{part}_{number}" if number else f"{self.stem}/{part}"
        while name in self.taken:
            number += 1
            name = f"{self.stem}/{part}_{number}"
        self._counts[part] = number + 1
        self.taken.add(name)
        return name

    def constant(self, value: Any, part: str = "constant") -> str:
        """Return the name of a new constant."""
        name = self.name(part)
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Return the name of the result of a new node, or a list of the names of several."""
        names = [self.name(op) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def rename(self, result: str, wanted: str) -> None:
        """Give the result of the last node that made `result` the name `wanted`."""
        self.nodes.append(helper.make_node("Identity", [result], [wanted], name=self.name("Identity")))


def names_of(graph: onnx.GraphProto) -> set[str]:
    """Return the names of all values and nodes of `graph`, those in subgraphs too."""
    found = {v.name for v in (*graph.input, *graph.output, *graph.value_info, *graph.initializer)}
    for node in graph.node:
        found |= {node.name, *node.input, *node.output}
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found |= names_of(attribute.g)
    return found


def read_by(node: onnx.NodeProto) -> set[str]:
    """Return the names that `node` reads, its subgraphs included."""
    found = set(node.input)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            for inner in attribute.g.node:
                found |= read_by(inner)
    return found


def attributes_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes of `node` as Python values, text decoded."""
    return {a.name: _decoded(helper.get_attribute_value(a)) for a in node.attribute}


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_decoded(v) for v in value] if isinstance(value, list) else value
