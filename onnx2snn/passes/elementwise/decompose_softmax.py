"""Decomposes Softmax and LogSoftmax into neurons of one or two operands.

    y = Softmax(x)     ->  m = max(x), a tree; e = exp(x - m); y = e / sum(e)
    y = LogSoftmax(x)  ->  m = max(x), a tree; d = x - m; y = d - log(sum(exp(d)))

Without the maximum an exponential can be a million times that of another sample, and one scale does not serve both.
Where the size of the axis is not known, the mean stands in for the maximum.
"""

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes


def decompose_softmax(work: Work) -> int:
    """Rewrite every spiking Softmax and LogSoftmax."""
    nodes = spiking_nodes(work, "Softmax", "LogSoftmax")
    for node in nodes:
        build, x = Rewriter(work, node), node.inputs[0]
        axis = node.attrs.get("axis", -1) % build.rank()
        size = x.shape[axis]
        known = isinstance(size, int) and size > 0
        top = build.extreme(x, axis, size) if known else build.mean(x, [axis])
        lower = build.add("Sub", x, top)
        power = build.add("Exp", lower)
        total = build.sum(power, [axis])
        log = node.op == "LogSoftmax"
        build.finish(build.add("Sub", lower, build.add("Log", total)) if log else build.add("Div", power, total))
    return len(nodes)
