"""Removes nodes that are identities at inference.

y = Identity(x); z = f(y)         ->  z = f(x)
y = Dropout(x); z = f(y)          ->  z = f(x)
"""

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.graph_tools import identities, is_static, remove

_NOTHING = ("Identity", "Dropout")


def drop_identities(work: Work) -> int:
    """Remove Identity and Dropout nodes whose output is no graph output and whose mask is unused."""
    graph = work.graph
    kept_outputs = identities(graph.outputs)
    gone = []
    for node in graph.nodes:
        if node.op not in _NOTHING or node.domain not in (None, "", "ai.onnx"):
            continue
        source, target = node.inputs[0], node.outputs[0]
        trains = len(node.inputs) > 2 and not is_static(node.inputs[2])
        if id(target) in kept_outputs or any(mask.outputs for mask in node.outputs[1:]) or trains:
            continue
        for consumer in list(target.outputs):
            for index, tensor in enumerate(consumer.inputs):
                if tensor is target:
                    consumer.inputs[index] = source
        gone.append(node)
    remove(graph, gone)
    return len(gone)
