"""Unrolls recurrence of a known length: LSTM, GRU, RNN, Loop, Scan; and If of a known condition.

Y = LSTM(X[3, N, I], W, R)  ->  three steps of MatMul, Split, Sigmoid, Tanh, Mul and Add

What has no known length is refused, every such node in a sentence of its own.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn.passes.recurrence.unroll_cells import Layer, unknown_activations
from onnx2snn.passes.recurrence.unroll_layers import LAYERS, unroll_layer
from onnx2snn.passes.recurrence.unroll_loops import LOOPS, MOST, Scope, unroll_loop
from onnx2snn.passes.rewriting.node_builder import NodeBuilder, attributes_of, names_of
from onnx2snn_runtime.errors import UnsupportedError

RECURRENT = (*LAYERS, *LOOPS)
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
    copy = Work(onnx.ModelProto(), work.where, work.supported)
    copy.model.CopyFrom(work.model)
    while True:
        changed, found = _round(copy, layers=False)
        if not changed:
            return found
        fold_constants(copy)


def _round(work: Work, layers: bool = True) -> tuple[int, list[str]]:
    """Unroll what can be on the outermost level; return the number of nodes, and what stands in the way.

    Recurrent layers are but checked where `layers` is False.
    """
    graph = work.model.graph
    nodes = [n for n in graph.node if n.op_type in RECURRENT and n.domain in ("", "ai.onnx")]
    if not nodes:
        return 0, []
    scope = _scope(work.model)
    taken, found, new, changed = names_of(graph), list[str](), dict[int, NodeBuilder](), 0
    for node in nodes:
        build = NodeBuilder(node.name or node.output[0], taken)
        try:
            if node.op_type in LAYERS and not layers:
                _layer(node, scope, work)
                continue
            _unroll(node, build, scope, work)
            new[id(node)] = build
            changed += 1
        except UnsupportedError as error:
            found.append(str(error))
    kept = [n for node in graph.node for n in (new[id(node)].nodes if id(node) in new else [node])]
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensor for build in new.values() for tensor in build.constants)
    return changed, found


def _unroll(node: onnx.NodeProto, build: NodeBuilder, scope: Scope, work: Work) -> None:
    if node.op_type in LOOPS:
        unroll_loop(node, build, scope)
        return
    layer = _layer(node, scope, work)
    if layer.steps > _LONG:
        work.warnings.append(
            f"the {node.op_type} node {node.name or node.output[0]!r} was unrolled to {layer.steps} steps: the network "
            "has as many populations a gate"
        )
    unroll_layer(layer, build)


def _layer(node: onnx.NodeProto, scope: Scope, work: Work) -> Layer:
    """Return the recurrent layer; one of unknown length or weights raises UnsupportedError."""
    where = f"the {node.op_type} node {node.name or node.output[0]!r}"
    a = attributes_of(node)
    shape = scope.shapes.get(node.input[0], [])
    steps = shape[1 if a.get("layout", 0) else 0] if len(shape) == 3 else 0
    if not 0 < steps <= MOST:
        raise UnsupportedError(
            f"{where} reads a sequence of unknown length, or of more than {MOST} steps: export with a fixed length"
        )
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
    if len(inputs) > 4 and 4 in weights and (weights[4] >= steps).all():
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
    return Scope(constants, shapes, list(model.opset_import), model.ir_version)
