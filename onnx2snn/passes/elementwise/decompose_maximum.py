"""Decomposes Max and Min of many operands into a tree of neurons of two.

y = Max(a, b, c)  ->  y = Max(Max(a, b), c)
"""

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes


def decompose_maximum(work: Work) -> int:
    """Rewrite every spiking Max and Min of three operands or more."""
    nodes = [node for node in spiking_nodes(work, "Max", "Min") if len(node.inputs) > 2]
    for node in nodes:
        build, parts = Rewriter(work, node), list(node.inputs)
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=False)
            parts = [build.add(node.op, a, b) for a, b in pairs] + parts[len(parts) - len(parts) % 2 :]
        build.finish(parts[0])
    return len(nodes)
