"""Unrolls or marks recurrence: LSTM, GRU, RNN, Loop and Scan, and If with a known condition.

Y = LSTM(X[3, N, I], W, R)  ->  three steps of MatMul, Split, Sigmoid, Tanh, Mul and Add
Y = LSTM(X[L, N, I], W, R)  ->  one such step between marks, which `close_recurrences` makes the body of a Scan

A recurrence of few positions is unrolled, one of many or of a free number stays rolled: see `marks`. What repeats as
often as the values of the input say is refused, every such node in a sentence of its own.
"""

from collections.abc import Callable, Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn.passes.recurrence.open_loops import open_loop
from onnx2snn.passes.recurrence.unroll_cells import Layer, unknown_activations
from onnx2snn.passes.recurrence.unroll_layers import LAYERS, unroll_layer
from onnx2snn.passes.recurrence.unroll_loops import LOOPS, MOST, Scope, unroll_loop
from onnx2snn.passes.rewriting.marks import MARKS, Marker
from onnx2snn.passes.rewriting.node_builder import NodeBuilder, attributes_of, names_of, read_by
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ir.operators import facts

RECURRENT = (*LAYERS, *LOOPS)
CHOICES = ("auto", "rolled", "unrolled")
LONGEST_UNROLLED = 32
"""So many positions are written out by default, a network that is faster than the rolled one."""

_LONG = 256


def unroll_recurrence(work: Work) -> int:
    """Rewrite every recurrent node; what cannot be unrolled raises UnsupportedError, all of it at once."""
    total = 0
    while True:  # what was nested comes to the surface, and conditions are known behind what is unrolled
        changed, found = _round(work)
        if found and not changed:
            raise UnsupportedError(f"{work.where} cannot be converted: " + "; ".join(found))
        if not changed:
            return total
        total += changed
        fold_constants(work)


def obstacles(work: Work) -> list[str]:
    """Return a sentence for every recurrent node that cannot be unrolled; constants are to be folded before."""
    copy = Work(onnx.ModelProto(), work.where, work.supported, recurrence=work.recurrence)
    copy.model.CopyFrom(work.model)
    while True:
        changed, found = _round(copy, layers=False)
        if not changed:
            return found
        fold_constants(copy)


def _round(work: Work, layers: bool = True) -> tuple[int, list[str]]:
    """Rewrite what can be on the outermost level; return the number of nodes, and what stands in the way.

    Recurrent layers are but checked where `layers` is False.
    """
    graph = work.model.graph
    nodes = [n for n in graph.node if n.op_type in RECURRENT and n.domain in ("", "ai.onnx")]
    if not nodes:
        return 0, []
    rewriter, found = _Rewriter(work), list[str]()
    for node in nodes:
        try:
            if node.op_type in LAYERS and not layers:
                rewriter.check(node)
            else:
                rewriter.rewrite(node)
        except UnsupportedError as error:
            found.append(str(error))
    rewriter.apply(graph)
    return len(rewriter.made), found


class _Rewriter:
    """Collects what recurrent nodes become: unrolled, or open between marks."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.scope = _scope(work.model)
        self.taken = names_of(work.model.graph)
        self.made: dict[int, NodeBuilder] = {}
        self.markers: list[Marker] = []

    def rewrite(self, node: onnx.NodeProto) -> None:
        """Take `node` apart; what cannot be raises UnsupportedError."""
        if node.op_type in LAYERS:
            self._layer(node)
        elif node.op_type == "If" or self.work.recurrence == "unrolled":
            self._unroll_loop(node)
        elif self.work.recurrence == "rolled":
            self._first(node, self._open_loop, self._unroll_loop)
        else:
            self._first(node, self._unroll_short_loop, self._open_loop, self._unroll_loop)

    def _first(self, node: onnx.NodeProto, *ways: Callable[[onnx.NodeProto], None]) -> None:
        """Take `node` apart in the first of the `ways` that is possible."""
        for way in ways[:-1]:
            try:
                way(node)
            except UnsupportedError:
                continue
            return
        ways[-1](node)

    def _unroll_short_loop(self, node: onnx.NodeProto) -> None:
        self.scope.most = LONGEST_UNROLLED
        try:
            self._unroll_loop(node)
        finally:
            self.scope.most = 0

    def _build(self, node: onnx.NodeProto) -> NodeBuilder:
        return NodeBuilder(node.name or node.output[0], self.taken)

    def _marker(self, node: onnx.NodeProto, build: NodeBuilder) -> Marker:
        marks = [n for n in self.work.model.graph.node if n.domain == MARKS]
        held = {a.i for mark in marks for a in mark.attribute if a.name == "recurrence"}
        number = len(self.markers) + max(held, default=-1) + 1
        self.markers.append(Marker(node.name or node.output[0], number, build, self.scope.opsets))
        return self.markers[-1]

    def _unroll_loop(self, node: onnx.NodeProto) -> None:
        build = self._build(node)
        unroll_loop(node, build, self.scope)
        self.made[id(node)] = build

    def _open_loop(self, node: onnx.NodeProto) -> None:
        build = self._build(node)
        open_loop(node, build, self.scope, self._marker(node, build))
        self.made[id(node)] = build

    def _layer(self, node: onnx.NodeProto) -> None:
        layer, build = self.check(node), self._build(node)
        if self._stays_rolled(layer):
            unroll_layer(layer, build, lambda direction: self._marker(node, build))
        else:
            unroll_layer(layer, build)
            if layer.steps > _LONG:
                self.work.warnings.append(
                    f"the {node.op_type} node {node.name or node.output[0]!r} was unrolled to {layer.steps} steps: the "
                    "network has as many populations a gate"
                )
        self.made[id(node)] = build

    def _stays_rolled(self, layer: Layer) -> bool:
        choice = self.work.recurrence
        return choice == "rolled" or (choice == "auto" and not 0 < layer.steps <= LONGEST_UNROLLED)

    def check(self, node: onnx.NodeProto) -> Layer:
        """Return the recurrent layer `node`; one that can be neither unrolled nor rolled raises UnsupportedError."""
        layer = _layer(node, self.scope, self.work)
        if not self._stays_rolled(layer) and not 0 < layer.steps <= MOST:
            raise UnsupportedError(
                f"the {node.op_type} node {node.name or node.output[0]!r} reads a sequence of unknown length, or of "
                f"more than {MOST} steps: export with a fixed length, or let it stay rolled"
            )
        return layer

    def apply(self, graph: onnx.GraphProto) -> None:
        """Put what was made in the place of the nodes."""
        kept = [n for node in graph.node for n in (self.made[id(node)].nodes if id(node) in self.made else [node])]
        del graph.node[:]
        graph.node.extend(kept)
        graph.initializer.extend(tensor for build in self.made.values() for tensor in build.constants)
        model = self.work.model
        known = {(f.domain, f.name) for f in model.functions}
        new = {(f.domain, f.name): f for marker in self.markers for f in marker.functions}
        model.functions.extend(function for key, function in new.items() if key not in known)
        if new and MARKS not in {o.domain for o in model.opset_import}:
            model.opset_import.append(helper.make_opsetid(MARKS, 1))


def _layer(node: onnx.NodeProto, scope: Scope, work: Work) -> Layer:
    """Return the recurrent layer, of 0 steps where their number is free; unknown weights raise UnsupportedError."""
    where = f"the {node.op_type} node {node.name or node.output[0]!r}"
    a = attributes_of(node)
    shape = scope.shapes.get(node.input[0], [])
    steps = shape[1 if a.get("layout", 0) else 0] if len(shape) == 3 else 0
    unknown = unknown_activations(node)
    if unknown:
        raise UnsupportedError(f"{where} has the activation {unknown[0]!r}, which has no operator: use another one")
    inputs: list[str | None] = [name or None for name in node.input]
    weights = {i: scope.constants[str(name)] for i, name in enumerate(inputs) if name in scope.constants}
    if not {1, 2} <= set(weights) or any(i < len(inputs) and inputs[i] and i not in weights for i in (3, 7)):
        raise UnsupportedError(f"{where} has weights that are no constants: export with its weights fixed")
    for index in (5, 6):
        if len(inputs) > index and inputs[index] in _zeros(work.model.graph):
            inputs[index] = None
    if len(inputs) > 4 and 4 in weights and steps and (weights[4] >= steps).all():
        inputs[4] = None
    return Layer(node, inputs, a, steps, weights)


def _zeros(graph: onnx.GraphProto) -> set[str]:
    """Return the values of `graph` that are zeros of a shape found at run time."""
    return set(_made_zeros(graph))


def _made_zeros(graph: onnx.GraphProto) -> Iterator[str]:
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        value = attributes_of(node).get("value") if node.op_type == "ConstantOfShape" else None
        if node.op_type == "Expand" and node.input[0] in weights:
            value = weights[node.input[0]]
        known = value is not None or node.op_type == "ConstantOfShape"
        if known and (value is None or not numpy_helper.to_array(value).any()):
            yield node.output[0]


def _scope(model: onnx.ModelProto) -> Scope:
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
    shapes = {
        v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values if v.type.HasField("tensor_type")
    }
    constants: dict[str, np.ndarray] = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    shapes |= {name: list(value.shape) for name, value in constants.items()}
    return Scope(constants, shapes, list(model.opset_import), model.ir_version, _by_values(model.graph))


def _by_values(graph: onnx.GraphProto) -> set[str]:
    """Return the values of `graph` that depend on the values of its inputs, and not on their shapes alone."""
    found = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if not facts(node.op_type, node.domain).shape_only and found.intersection(read_by(node)):
            found.update(node.output)
    return found
