"""Replaces one node of the graph by several: the base of the decompositions of `--neurons elementwise`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.neurons.classify_values import classify
from onnx2snn.passes.rewriting.graph_tools import fresh_name, label, put_in_place
from onnx2snn_runtime.errors import UnsupportedError


def spiking_nodes(work: Work, *operators: str) -> list[gs.Node]:
    """Return the nodes of these operators that are neurons."""
    if not any(node.op in operators for node in work.graph.nodes):
        return []
    found = classify(work.graph, work.encoder)
    return [node for node in work.graph.nodes if node.op in operators and found.kind(node) == "neuron"]


class Rewriter:
    """Collects the nodes that compute what `node` does; `finish` puts them in its place."""

    def __init__(self, work: Work, node: gs.Node) -> None:
        self.work = work
        self.node = node
        self.kind = np.dtype(node.inputs[0].dtype or np.float32)
        self._new: list[gs.Node] = []

    def add(self, op: str, *inputs: gs.Tensor, shape: Sequence[Any] | None = None, **attributes: Any) -> gs.Tensor:
        """Return the output of a new node."""
        name = fresh_name(self.work.graph, f"{self.node.outputs[0].name}/{op}")
        output = gs.Variable(name, self.kind, None if shape is None else list(shape))
        self._new.append(gs.Node(op, name, attributes, list(inputs), [output]))
        return output

    def constant(self, value: Any, kind: Any = None) -> gs.Constant:
        """Return a new constant, of the type of the node's input unless `kind` is given."""
        name = fresh_name(self.work.graph, f"{self.node.outputs[0].name}/constant")
        return gs.Constant(name, np.asarray(value, kind or self.kind))

    def integers(self, *values: int) -> gs.Constant:
        """Return a new constant of integers."""
        return self.constant(values, np.int64)

    def rank(self) -> int:
        """Return the rank of the node's input; an unknown one raises UnsupportedError."""
        shape = self.node.inputs[0].shape
        if shape is None:
            raise UnsupportedError(
                f"the {label(self.node)} has an input of unknown rank: convert with --neurons region"
            )
        return len(shape)

    def mean(self, value: gs.Tensor, axes: Sequence[int]) -> gs.Tensor:
        """Return the mean along `axes`, which stay."""
        if self.work.opset < 18:
            return self.add("ReduceMean", value, axes=list(axes), keepdims=1)
        return self.add("ReduceMean", value, self.integers(*axes), keepdims=1)

    def sum(self, value: gs.Tensor, axes: Sequence[int], keepdims: int = 1) -> gs.Tensor:
        """Return the sum along `axes`."""
        return self.add("ReduceSum", value, self.integers(*axes), keepdims=keepdims)

    def square(self, value: gs.Tensor) -> gs.Tensor:
        """Return the square."""
        return self.add("Mul", value, value)

    def normalized(self, value: gs.Tensor, axes: Sequence[int], epsilon: float, centre: bool = True) -> gs.Tensor:
        """Return (x - mean) / sqrt(mean((x - mean)^2) + epsilon): centred first, and then squared."""
        centred = self.add("Sub", value, self.mean(value, axes)) if centre else value
        variance = self.add("Add", self.mean(self.square(centred), axes), self.constant(epsilon))
        return self.add("Div", centred, self.add("Sqrt", variance))

    def extreme(self, value: gs.Tensor, axis: int, size: int, op: str = "Max") -> gs.Tensor:
        """Return the maximum (or op = Min) along an axis, which stays: a tree of neurons of two operands."""
        while size > 1:
            half = (size + 1) // 2  # of an odd number, one is in both halves
            ends = [(0, half), (size - half, size)]
            parts = [self.add("Slice", value, *(self.integers(i) for i in (*end, axis))) for end in ends]
            value, size = self.add(op, *parts), half
        return value

    def finish(self, value: gs.Tensor) -> None:
        """Put the new nodes in the place of the old one; `value` takes the name of its output."""
        put_in_place(self.work.graph, self.node, self._new, value)
