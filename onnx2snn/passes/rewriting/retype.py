"""Replaces one floating-point type by another throughout a model: weights, constants, casts, inputs and outputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import numpy_helper


def replace_type(model: onnx.ModelProto, before: int, after: int, kind: Any) -> int:
    """Replace the type `before` by `after` (numpy's `kind`) in `model`, subgraphs and functions included."""
    change = _Change(before, after, kind)
    return change.graph(model.graph) + sum(change.nodes(function.node) for function in model.functions)


@dataclass(frozen=True)
class _Change:
    before: int
    after: int
    kind: Any

    def graph(self, graph: onnx.GraphProto) -> int:
        changed = sum(self.tensor(tensor) for tensor in graph.initializer) + self.nodes(graph.node)
        for value in (*graph.input, *graph.output):
            if value.type.tensor_type.elem_type == self.before:
                value.type.tensor_type.elem_type = self.after
                changed += 1
        return changed

    def nodes(self, nodes: Iterable[onnx.NodeProto]) -> int:
        changed = 0
        for node in nodes:
            for attribute in node.attribute:
                if attribute.name in ("to", "dtype", "output_dtype") and attribute.i == self.before:
                    attribute.i = self.after
                    changed += 1
                changed += self.tensor(attribute.t) if attribute.HasField("t") else 0
                changed += self.graph(attribute.g) if attribute.HasField("g") else 0
        return changed

    def tensor(self, tensor: onnx.TensorProto) -> int:
        if tensor.data_type != self.before:
            return 0
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(self.kind), tensor.name))
        return 1
