"""Finds what an output holds, by what made it: classes, vectors, or neither.

Backwards from the output, through everything that keeps an axis or moves it, to the first of these:

softmax                          its own axis
concatenation along the axis     no classes: boxes, objectness and scores side by side (YOLO and the like)
normalization of vectors         no classes: an embedding
Conv, Gemm, MatMul               the axis of their features: 1, or the last

Where none is met the shape decides, see `comparison.default_class_axis`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import helper, numpy_helper

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.schema import is_neuron

_NORMALIZED = re.compile("(Layer|RMS|L2)Normalization|LpNormalization")
_VECTOR = re.compile("embed|feature|hidden|latent|descriptor|pooler", re.IGNORECASE)
Dims = Sequence[int | None]


@dataclass(frozen=True)
class Meaning:
    """What an output holds: classes along `classes`, or vectors (embeddings) along `vectors`; None for neither.

    `known` is False where nothing in the graph tells, so that its shape has to; axes along which unlike things are
    joined are `mixed`, and hold no classes in any case.
    """

    classes: int | None = None
    vectors: int | None = None
    known: bool = True
    mixed: frozenset[int] = frozenset()


def meaning(model: onnx.ModelProto, name: str) -> Meaning:
    """Return what the output `name` of `model` holds, axes counted as they are in the graph."""
    graph = model.graph
    shapes = _shapes(graph)
    shape = shapes.get(name)
    if shape is None or len(shape) < 2:
        return Meaning(known=shape is not None)
    found = _Walk(graph, shapes, list(range(len(shape)))).back(name)
    if found.classes is not None and _VECTOR.search(name):
        return Meaning(vectors=found.classes)
    return found


@dataclass
class _Walk:
    """The way back: `axes` says for every axis of the output which axis it is here, None for one that is lost."""

    graph: onnx.GraphProto
    shapes: Mapping[str, Dims]
    axes: list[int | None]
    mixed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.makers = {name: node for node in self.graph.node for name in node.output if name}
        self.held = {tensor.name: tensor for tensor in self.graph.initializer}
        self.live = {value.name for value in self.graph.input if value.name not in self.held}
        for node in self.graph.node:  # what depends on data, and not on their shapes alone
            if not facts(node.op_type, node.domain).shape_only and any(name in self.live for name in node.input):
                self.live.update(node.output)

    def back(self, name: str) -> Meaning:
        """Return what the walk from the value `name` meets."""
        found: Meaning | None = None
        while found is None and (node := self.makers.get(name)) is not None:
            found = self._met(node)
            name = self._before(node) if found is None else ""
        return found or self._unknown()

    def _unknown(self) -> Meaning:
        return Meaning(known=False, mixed=frozenset(self.mixed))

    def _met(self, node: onnx.NodeProto) -> Meaning | None:
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        rank = len(self.shapes.get(node.output[0], ()))
        if _NORMALIZED.search(node.op_type) or "ReduceL2" in {n.op_type for n in self._divisors(node)}:
            vectors = self._place(rank - 1)
            return Meaning(vectors=vectors) if vectors is not None else self._unknown()
        if node.op_type in ("Softmax", "LogSoftmax"):
            return self._classes(int(given.get("axis", -1)) % max(1, rank))
        if not is_neuron(node) and facts(node.op_type, node.domain).weighted:
            return self._classes(1 if "Conv" in node.op_type else rank - 1)
        return None

    def _divisors(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Return what makes the divisor of a Div: its way back through operators of one operand."""
        found: list[onnx.NodeProto] = []
        name = node.input[1] if node.op_type == "Div" else ""
        while name in self.makers and len(found) < 4:
            found.append(self.makers[name])
            name = found[-1].input[0] if found[-1].input else ""
        return found

    def _place(self, axis: int) -> int | None:
        """Return the axis of the output that is `axis` here."""
        return self.axes.index(axis) if axis in self.axes else None

    def _classes(self, axis: int) -> Meaning:
        place = self._place(axis)
        if place is None:
            return self._unknown()
        return Meaning() if place in self.mixed else Meaning(classes=place)

    def _before(self, node: onnx.NodeProto) -> str:
        """Return the operand to go on with, `axes` being brought to it; "" where the way is lost."""
        here = self.shapes.get(node.output[0])
        operands = [name for name in node.input if name in self.live]
        if here is None or not operands:
            return ""
        if node.op_type == "Concat":
            self._mix(node, len(here))
            return operands[0]
        if facts(node.op_type, node.domain).elementwise or is_neuron(node):
            return next((name for name in operands if len(self.shapes.get(name, ())) == len(here)), "")
        there = self.shapes.get(operands[0])
        moved = None if there is None else self._moved(node, there, here)
        if moved is None:
            return ""
        self.axes = [None if axis is None else moved.get(axis) for axis in self.axes]
        return operands[0]

    def _mix(self, node: onnx.NodeProto, rank: int) -> None:
        axis = next((a.i for a in node.attribute if a.name == "axis"), 0) % rank
        place = self._place(axis)
        if place is not None and len(node.input) > 1:
            self.mixed.add(place)

    def _moved(self, node: onnx.NodeProto, there: Dims, here: Dims) -> dict[int, int] | None:
        """Return for each axis behind `node` the one that it is in front of it."""
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Transpose":
            return dict(enumerate(given.get("perm") or range(len(there))[::-1]))
        if node.op_type in ("Squeeze", "Unsqueeze") or facts(node.op_type, node.domain).reduces:
            return self._without(node, given, len(there), len(here))
        if node.op_type in ("Reshape", "Flatten"):
            return _kept(there, here)
        return dict(enumerate(range(len(there)))) if len(there) == len(here) else None

    def _without(self, node: onnx.NodeProto, given: Mapping[str, Any], there: int, here: int) -> dict[int, int] | None:
        """Return the axes that stay where some are taken away, or put in."""
        if there == here:
            return dict(enumerate(range(there)))
        second = self.held.get(node.input[1]) if len(node.input) > 1 else None
        axes = given.get("axes") if second is None else numpy_helper.to_array(second).tolist()
        if axes is None:
            return None
        gone = {int(axis) % max(there, here) for axis in axes}
        if there > here:
            return dict(enumerate(axis for axis in range(there) if axis not in gone))
        return {axis: index for index, axis in enumerate(axis for axis in range(here) if axis not in gone)}


def _kept(there: Dims, here: Dims) -> dict[int, int]:
    """Return the axes that a Reshape keeps: those of equal size from the front, and from the back."""
    front = 0
    while front < min(len(there), len(here)) and there[front] == here[front]:
        front += 1
    back = 0
    while back < min(len(there), len(here)) - front and there[-1 - back] == here[-1 - back] is not None:
        back += 1
    kept = {axis: axis for axis in range(front)}
    return kept | {len(here) - 1 - i: len(there) - 1 - i for i in range(back)}


def _shapes(graph: onnx.GraphProto) -> dict[str, Dims]:
    found: dict[str, Dims] = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.output, *graph.input, *graph.value_info):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            found[value.name] = [d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim]
    return found
