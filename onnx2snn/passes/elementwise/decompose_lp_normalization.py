"""Decomposes LpNormalization into a square (or magnitude) and a quotient.

y = LpNormalization<p = 2>(x)  ->  q = x * x; y = x / sqrt(max(sum(q), tiny))
y = LpNormalization<p = 1>(x)  ->  q = |x|; y = x / max(sum(q), tiny)

Where the norm is 0, so is the result: onnxruntime divides by it nowhere.
"""

import numpy as np

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes

TINY = float(np.finfo(np.float32).tiny)


def decompose_lp_normalization(work: Work) -> int:
    """Rewrite every spiking LpNormalization."""
    nodes = spiking_nodes(work, "LpNormalization")
    for node in nodes:
        build, x = Rewriter(work, node), node.inputs[0]
        axes = [node.attrs.get("axis", -1) % build.rank()]
        magnitudes = build.add("Abs", x) if node.attrs.get("p", 2) == 1 else build.square(x)
        total = build.add("Max", build.sum(magnitudes, axes), build.constant(TINY))
        build.finish(build.add("Div", x, total if node.attrs.get("p", 2) == 1 else build.add("Sqrt", total)))
    return len(nodes)
