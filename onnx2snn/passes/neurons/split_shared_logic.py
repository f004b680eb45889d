"""Duplicates nodes whose outputs a neuron cannot send (several outputs, integers, booleans), one per consumer.

m = Greater(x, 0); y = f(m, x); z = g(m, x)
  ->  m1 = Greater(x, 0); y = f(m1, x); m2 = Greater(x, 0); z = g(m2, x)

An output of the graph keeps the node, which is an answer then; with a second output of floats there are two nodes.
"""

import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.neurons.classify_values import classify
from onnx2snn.passes.rewriting.graph_tools import fresh_name, identities, insert_before, is_float
from onnx2snn_runtime.ir.operators import facts


def split_shared_logic(work: Work) -> int:
    """Copy spiking nodes whose outputs are not one float tensor, one copy a consumer, from the back."""
    found = classify(work.graph, work.encoder)
    outputs = identities(work.graph.outputs)
    changed = 0
    for node in list(reversed(work.graph.nodes)):
        if not any(found.is_spiking(tensor) for tensor in node.inputs) or found.kinds.get(id(node)) == "readout":
            continue
        used = [t for t in node.outputs if t.outputs or id(t) in outputs]
        logical = not all(is_float(tensor, node) for tensor in used)
        if (found.kind(node) == "neuron" and (logical or len(used) > 1)) or (found.kind(node) == "synapse" and logical):
            changed += _split(work.graph, node, outputs)
    return changed


def _split(graph: gs.Graph, node: gs.Node, outputs: set[int]) -> int:
    """Give each consumer a copy of `node`; the graph's outputs, or else the first consumer, keep the node itself."""
    uses = [(i, c) for i, t in enumerate(node.outputs) for c in _distinct(t.outputs)]
    kept = [i for i, tensor in enumerate(node.outputs) if id(tensor) in outputs]
    copies = 0
    for index, consumer in uses[0 if kept else 1 :]:
        new = _copy(graph, node)
        insert_before(graph, node, [new])
        for place, tensor in enumerate(consumer.inputs):
            if tensor is node.outputs[index]:
                consumer.inputs[place] = new.outputs[index]
        copies += 1
    for index in kept[1:]:
        if not facts(node.op, node.domain).readout and any(is_float(node.outputs[i], node) for i in kept):
            new = _copy(graph, node)
            insert_before(graph, node, [new])
            mine, theirs = new.outputs[index], node.outputs[index]
            node.outputs[index], new.outputs[index] = mine, theirs
            copies += 1
    return copies


def _copy(graph: gs.Graph, node: gs.Node) -> gs.Node:
    outputs = [gs.Variable(fresh_name(graph, t.name + "_copy"), t.dtype, t.shape) for t in node.outputs]
    name = fresh_name(graph, node.name + "_copy")
    return gs.Node(node.op, name, dict(node.attrs), list(node.inputs), outputs, node.domain)


def _distinct(nodes: list[gs.Node]) -> list[gs.Node]:
    return list({id(node): node for node in nodes}.values())
