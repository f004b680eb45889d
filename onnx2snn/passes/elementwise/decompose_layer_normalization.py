"""Decomposes LayerNormalization and RMSNormalization into the paper's two neurons: x^2, and x / sqrt(y).

    y = LayerNormalization(x, scale, bias, axis)
      ->  c = x - mean(x); q = c * c; var = mean(q) + epsilon; n = c / sqrt(var); y = n * scale + bias

Centred first and then squared: E[x^2] - E[x]^2 does not survive quantised estimates.
"""

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes


def decompose_layer_normalization(work: Work) -> int:
    """Rewrite every spiking LayerNormalization and RMSNormalization."""
    nodes = spiking_nodes(work, "LayerNormalization", "RMSNormalization")
    for node in nodes:
        build = Rewriter(work, node)
        rank = build.rank()
        axes = list(range(node.attrs.get("axis", -1) % rank, rank))
        centre = node.op == "LayerNormalization"
        value = build.normalized(node.inputs[0], axes, node.attrs.get("epsilon", 1e-5), centre)
        value = build.add("Mul", value, node.inputs[1])
        if len(node.inputs) > 2 and not node.inputs[2].is_empty():
            value = build.add("Add", value, node.inputs[2])
        build.finish(value)
    return len(nodes)
