"""Removes string outputs (class names), which the runtime does not support, with a warning.

s = Softmax(x); l = ArrayFeatureExtractor(["cat", "dog"], ArgMax(s))   ->  s = Softmax(x)
"""

import onnx

from onnx2snn.passes.base import Work


def drop_string_outputs(work: Work) -> int:
    """Remove outputs of strings where other outputs remain, and what leads to them alone."""
    graph = work.model.graph
    strings = [v for v in graph.output if v.type.tensor_type.elem_type == onnx.TensorProto.STRING]
    if not strings or len(strings) == len(graph.output):
        return 0
    for value in strings:
        graph.output.remove(value)
    read = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if any(name in read for name in node.output):
            kept.append(node)
            read.update(_reads(node))
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(weights)
    names = ", ".join(repr(value.name) for value in strings)
    work.warnings.append(f"outputs of strings were left out ({names}): read the class from the other outputs")
    return len(strings)


def _reads(node: onnx.NodeProto) -> set[str]:
    names = set(node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                names |= _reads(inner)
    return names
