"""Decomposes nonlinear reductions into sums, trees of maxima, and neurons of one operand.

y = ReduceMax(x)        ->  y = max of two halves, of their halves, ...
y = ReduceL2(x)         ->  y = sqrt(sum(x * x))
y = ReduceLogSumExp(x)  ->  m = max(x); y = m + log(sum(exp(x - m)))
"""

from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.elementwise.rewriter import Rewriter, spiking_nodes
from onnx2snn.passes.rewriting.graph_tools import label
from onnx2snn_runtime.errors import UnsupportedError

Reduce = Callable[[Rewriter, gs.Tensor, list[int]], gs.Tensor]


def decompose_reduction(work: Work) -> int:
    """Rewrite every nonlinear reduction that spikes."""
    nodes = spiking_nodes(work, *_FORMS)
    for node in nodes:
        build = Rewriter(work, node)
        axes = _axes(node, build.rank())
        value = _FORMS[node.op](build, node.inputs[0], axes) if axes else _elementwise(build, node)
        if axes and not node.attrs.get("keepdims", 1):
            value = build.add("Squeeze", value, build.integers(*axes))
        build.finish(value)
    return len(nodes)


def _axes(node: gs.Node, rank: int) -> list[int]:
    """Return the axes that are reduced; those of a tensor computed at run time raise UnsupportedError."""
    given = node.attrs.get("axes")
    if len(node.inputs) > 1 and not node.inputs[1].is_empty():
        if not isinstance(node.inputs[1], gs.Constant):
            raise UnsupportedError(f"the {label(node)} has axes that are no constant: convert with --neurons region")
        given = np.atleast_1d(node.inputs[1].values).tolist()
    if not given:
        return [] if node.attrs.get("noop_with_empty_axes", 0) else list(range(rank))
    return sorted(axis % rank for axis in given)


def _elementwise(build: Rewriter, node: gs.Node) -> gs.Tensor:
    """Return what a reduction along no axis does to every number."""
    x = node.inputs[0]
    if node.op in ("ReduceL1", "ReduceL2"):
        return build.add("Abs", x)
    if node.op == "ReduceSumSquare":
        return build.square(x)
    return build.add("Log", x) if node.op == "ReduceLogSum" else x


def _extreme(build: Rewriter, x: gs.Tensor, axes: list[int], op: str) -> gs.Tensor:
    shape = build.node.inputs[0].shape
    for axis in axes:
        if not isinstance(shape[axis], int):
            raise UnsupportedError(
                f"the {label(build.node)} cannot be made of elementwise neurons, because the size of its axis {axis} "
                "is not known: export with a fixed size, or convert with --neurons region"
            )
        x = build.extreme(x, axis, shape[axis], op)
    return x


def _log_sum_exp(build: Rewriter, x: gs.Tensor, axes: list[int]) -> gs.Tensor:
    shape = build.node.inputs[0].shape
    known = all(isinstance(shape[axis], int) for axis in axes)
    top = _extreme(build, x, axes, "Max") if known else build.mean(x, axes)
    return build.add("Add", top, build.add("Log", build.sum(build.add("Exp", build.add("Sub", x, top)), axes)))


_FORMS: dict[str, Reduce] = {
    "ReduceMax": lambda build, x, axes: _extreme(build, x, axes, "Max"),
    "ReduceMin": lambda build, x, axes: _extreme(build, x, axes, "Min"),
    "ReduceL1": lambda build, x, axes: build.sum(build.add("Abs", x), axes),
    "ReduceL2": lambda build, x, axes: build.add("Sqrt", build.sum(build.square(x), axes)),
    "ReduceSumSquare": lambda build, x, axes: build.sum(build.square(x), axes),
    "ReduceLogSum": lambda build, x, axes: build.add("Log", build.sum(x, axes)),
    "ReduceLogSumExp": _log_sum_exp,
}
