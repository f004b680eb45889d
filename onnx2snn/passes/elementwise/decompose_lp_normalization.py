"""Decomposes LpNormalization into a square (or magnitude) and a quotient.

y = LpNormalization<p = 2>(x)  ->  q = x * x; y = x / sqrt(sum(q))
y = LpNormalization<p = 1>(x)  ->  q = |x|; y = x / sum(q)
"""

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes


def decompose_lp_normalization(work: Work) -> int:
    """Rewrite every spiking LpNormalization."""
    nodes = spiking_nodes(work, "LpNormalization")
    for node in nodes:
        build, x = Rewriter(work, node), node.inputs[0]
        axes = [node.attrs.get("axis", -1) % build.rank()]
        if node.attrs.get("p", 2) == 1:
            length = build.sum(build.add("Abs", x), axes)
        else:
            length = build.add("Sqrt", build.sum(build.square(x), axes))
        build.finish(build.add("Div", x, length))
    return len(nodes)
