"""Puts nodes behind what they read, as ONNX wants it and onnxruntime does by itself.

y = Relu(h); h = Neg(x)   ->  h = Neg(x); y = Relu(h)
"""

from graphlib import CycleError, TopologicalSorter

import onnx

from onnx2snn.passes.base import Work


def sort_nodes(work: Work) -> int:
    """Sort the nodes of the graph where they are not; a cycle is left for the checker to refuse."""
    nodes = list(work.model.graph.node)
    maker = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    before = {i: {maker[name] for name in _reads(node) if name in maker} for i, node in enumerate(nodes)}
    if all(other < i for i, others in before.items() for other in others):
        return 0
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError:
        return 0
    del work.model.graph.node[:]
    work.model.graph.node.extend(nodes[i] for i in order)
    return 1


def _reads(node: onnx.NodeProto) -> set[str]:
    """Return what a node reads, in its subgraphs too."""
    names = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            names.update(*(_reads(inner) for inner in graph.node), (value.name for value in graph.output))
    return names
