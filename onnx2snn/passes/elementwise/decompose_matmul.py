"""Decomposes a matrix product of two activations into a neuron for each product of two numbers, and a sum.

y[m, n] = MatMul(a[m, k], b[k, n])  ->  p[m, k, n] = a[m, k, 1] * b[1, k, n]; y = sum(p, k)
"""

import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes
from onnx2snn.passes.rewriting.graph_tools import label
from onnx2snn_runtime.errors import UnsupportedError


def decompose_matmul(work: Work) -> int:
    """Rewrite every MatMul of two spiking operands of two axes or more."""
    nodes = spiking_nodes(work, "MatMul")
    for node in nodes:
        _check(node)
        build = Rewriter(work, node)
        left = build.add("Unsqueeze", node.inputs[0], build.integers(-1))
        right = build.add("Unsqueeze", node.inputs[1], build.integers(-3))
        build.finish(build.sum(build.add("Mul", left, right), [-2], keepdims=0))
    return len(nodes)


def _check(node: gs.Node) -> None:
    if any(tensor.shape is None or len(tensor.shape) < 2 for tensor in node.inputs):
        raise UnsupportedError(
            f"the {label(node)} multiplies activations of unknown rank, or of one axis: convert with --neurons region"
        )
