"""Rules for the normalizations that onnxruntime's optimizer writes.

y, m, d, s = SkipLayerNormalization(x, r, g, b, c)  ->  s = x + r + c; y = LayerNormalization(s, g, b)
y, -, -, s = SkipSimplifiedLayerNormalization(...)  ->  s = x + r + c; y = g s / sqrt(mean(s^2) + epsilon)
y = EmbedLayerNormalization(ids)     ->  y = LayerNormalization(Gather(words, ids) + places + Gather(segments, types))

A LayerNormalization of an opset below 17, which onnxruntime writes into the domain of ONNX, becomes its own equation.
"""

from collections.abc import Callable

import numpy as np
import onnx

from onnx2snn.passes.rewriting.node_writer import Writer


def _axes(w: Writer) -> list[int] | None:
    """Return the axes from `axis` on, None where the rank that this needs is not known."""
    axis = int(w.attributes().get("axis", -1))
    shape = w.shapes.get(w.node.input[0])
    if axis >= 0 and shape is None:
        return None
    return list(range(axis if axis < 0 or shape is None else axis - len(shape), 0))


def _centred(w: Writer, x: str, axes: list[int]) -> str:
    return w.add("Sub", [x, w.reduced("ReduceMean", x, axes, 1)])


def _deviation(w: Writer, x: str, axes: list[int], epsilon: float) -> str:
    """Return sqrt(mean(x^2) + epsilon)."""
    power = w.reduced("ReduceMean", w.add("Mul", [x, x]), axes, 1)
    return w.add("Sqrt", [w.add("Add", [power, w.number(epsilon)])])


def _scaled(w: Writer, x: str, weights: list[str], mean: bool, axes: list[int], epsilon: float, y: str) -> str:
    """Return x over its deviation, centred first with `mean`, times the gain and plus the shift in `weights`."""
    if mean and w.opset >= 17 and axes:
        return w.add("LayerNormalization", [x, *weights], y, axis=axes[0], epsilon=epsilon)
    x = _centred(w, x, axes) if mean else x
    unit = w.add("Div", [x, _deviation(w, x, axes, epsilon)])
    if len(weights) < 2:
        return w.add("Mul", [unit, weights[0]], y)
    return w.add("Add", [w.add("Mul", [unit, weights[0]]), weights[1]], y)


def _moments(w: Writer, x: str, axes: list[int], epsilon: float) -> None:
    """Write the mean and the inverse of the deviation, where something wants them."""
    if w.made(1):
        w.add("Identity", [w.reduced("ReduceMean", x, axes, 1)], w.made(1))
    if w.made(2):
        deviation = _deviation(w, _centred(w, x, axes), axes, epsilon)
        w.add("Reciprocal", [deviation], w.made(2))


def _plain(mean: bool) -> Callable[[Writer], None]:
    def rule(w: Writer) -> None:
        axes = _axes(w)
        if axes is None:
            return
        epsilon = w.attributes().get("epsilon", 1e-5)
        _moments(w, w.node.input[0], axes, epsilon)
        _scaled(w, w.node.input[0], w.taken(1, 3), mean, axes, epsilon, w.node.output[0])

    return rule


def _skip(mean: bool) -> Callable[[Writer], None]:
    def rule(w: Writer) -> None:
        bias = w.taken(4, 5) if mean else w.taken(3, 4)
        weights = w.taken(2, 4) if mean else w.taken(2, 3)
        total = w.add("Add", [w.node.input[0], w.node.input[1]], "" if bias else w.made(3))
        if bias:
            total = w.add("Add", [total, *bias], w.made(3))
        epsilon = w.attributes().get("epsilon", 1e-12)
        _moments(w, total, [-1], epsilon)
        _scaled(w, total, weights, mean, [-1], epsilon, w.node.output[0])

    return rule


def _embed(w: Writer) -> None:
    ids, types, words, places, segments, gamma, beta, mask, positions = (w.read(i) for i in range(9))
    zero, one = w.constant(np.array([0])), w.constant(np.array([1]))
    if positions:
        place = w.add("Gather", [places, positions])
    else:
        length = w.add("Slice", [w.add("Shape", [ids]), one, w.constant(np.array([2]))])
        place = w.add("Slice", [places, zero, length, zero])
    total = w.add("Add", [w.add("Gather", [words, ids]), place], "" if types else w.made(2))
    if types:
        total = w.add("Add", [total, w.add("Gather", [segments, types])], w.made(2))
    _scaled(w, total, [gamma, beta], True, [-1], w.attributes().get("epsilon", 1e-12), w.node.output[0])
    if w.made(1):
        kept = mask or w.add("Sub", [ids, ids])
        w.add("Cast", [w.reduced("ReduceSum", kept, 1, 0)], w.made(1), to=onnx.TensorProto.INT32)


RULES: dict[str, Callable[[Writer], None]] = {
    "LayerNormalization": _plain(mean=True),
    "SimplifiedLayerNormalization": _plain(mean=False),
    "SkipLayerNormalization": _skip(mean=True),
    "SkipSimplifiedLayerNormalization": _skip(mean=False),
    "EmbedLayerNormalization": _embed,
}
"""By operator."""
