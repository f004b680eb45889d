"""Decomposes InstanceNormalization, GroupNormalization and MeanVarianceNormalization: x^2, and x / sqrt(y).

y = GroupNormalization(x, scale, bias, groups)
  ->  r = Reshape(x, [0, groups, -1]); n = (r - mean) / sqrt(var + epsilon); y = Reshape(n, shape) * scale + bias
"""

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes


def decompose_instance_normalization(work: Work) -> int:
    """Rewrite every spiking normalization over the pixels of a channel, or of a group of channels."""
    nodes = spiking_nodes(work, "InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization")
    for node in nodes:
        build = Rewriter(work, node)
        rank, epsilon = build.rank(), node.attrs.get("epsilon", 1e-5)
        if node.op == "MeanVarianceNormalization":
            axes = [axis % rank for axis in node.attrs.get("axes", [0, 2, 3])]
            build.finish(build.normalized(node.inputs[0], axes, 1e-18))
            continue
        if node.op == "GroupNormalization":
            value, scale, bias = _grouped(build, node, epsilon)
        else:
            value = build.normalized(node.inputs[0], range(2, rank), epsilon)
            scale, bias = node.inputs[1:3]
        shape = build.integers(1, -1, *[1] * (rank - 2))
        value = build.add("Mul", value, build.add("Reshape", scale, shape))
        build.finish(build.add("Add", value, build.add("Reshape", bias, shape)))
    return len(nodes)


def _grouped(build: Rewriter, node: gs.Node, epsilon: float) -> tuple[gs.Tensor, gs.Tensor, gs.Tensor]:
    """Return the normalized groups in the shape of the input, and the scale and bias of every channel."""
    x, groups = node.inputs[0], node.attrs["num_groups"]
    flat = build.add("Reshape", x, build.integers(0, groups, -1))
    shape = build.add("Shape", x)
    shape.dtype = np.dtype(np.int64)
    value = build.add("Reshape", build.normalized(flat, [2], epsilon), shape)
    scale, bias = node.inputs[1:3]
    if build.work.opset < 21 and isinstance(x.shape[1], int):  # one of each a group
        repeat = np.repeat(np.arange(groups), x.shape[1] // groups)
        scale, bias = (build.add("Gather", t, build.integers(*repeat.tolist()), axis=0) for t in (scale, bias))
    return value, scale, bias
