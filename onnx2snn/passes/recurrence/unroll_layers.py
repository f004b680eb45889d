"""Unrolls LSTM, GRU and RNN of a known length: a matrix product, and the gates of every step.

Y, Y_h = RNN(X, W, R, B)  ->  p = X W^T + b; h1 = tanh(p[0]); h2 = tanh(p[1] + h1 R^T); ...; Y = [h1, h2, ...]
"""

from collections.abc import Sequence

import numpy as np
import onnx

from onnx2snn.passes.recurrence.unroll_cells import STEPS, Layer, State
from onnx2snn.passes.rewriting.node_builder import NodeBuilder

LAYERS = ("LSTM", "GRU", "RNN")


def unroll_layer(layer: Layer, build: NodeBuilder) -> None:
    """Emit the nodes that `layer` is made of, under the names of its outputs."""
    a, node = layer.attributes, layer.node
    x = str(layer.inputs[0])
    if a.get("layout", 0):
        x = build.add("Transpose", x, perm=[1, 0, 2])
    directions = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[a.get("direction", "forward")]
    hidden: list[list[str]] = []
    last: list[State] = []
    for index, backwards in enumerate(directions):
        outputs, state = _direction(layer, build, x, index, len(directions), backwards)
        hidden.append(outputs)
        last.append(state)
    wanted = [*node.output, "", "", ""][:3]
    if wanted[0]:
        steps = [_stacked(build, [side[t] for side in hidden], 0) for t in range(layer.steps)]
        y = _stacked(build, steps, 0)
        build.rename(build.add("Transpose", y, perm=[2, 0, 1, 3]) if a.get("layout", 0) else y, wanted[0])
    for place, name in enumerate(wanted[1:]):
        if name:
            value = _stacked(build, [str(state[place]) for state in last], 1 if a.get("layout", 0) else 0)
            build.rename(value, name)


def _stacked(build: NodeBuilder, values: Sequence[str], axis: int) -> str:
    axes = build.constant(np.array([axis], np.int64), "axes")
    parts = [build.add("Unsqueeze", value, axes) for value in values]
    return str(build.add("Concat", *parts, axis=axis)) if len(parts) > 1 else str(parts[0])


def _direction(
    layer: Layer, build: NodeBuilder, x: str, direction: int, directions: int, backwards: bool
) -> tuple[list[str], State]:
    """Return the hidden state of every step, in the order of the input, and the last state."""
    lengths = layer.inputs[4] if len(layer.inputs) > 4 else None
    lengths = build.add("Cast", lengths, to=onnx.TensorProto.INT64) if lengths else None
    if backwards and lengths:
        x = build.add("ReverseSequence", x, lengths, batch_axis=1, time_axis=0)
    op, w, b = layer.node.op_type, layer.weights[1][direction], layer.weight(3, direction)
    size = w.shape[0]
    projected = build.add("MatMul", x, build.constant(w.T.copy(), "W"))
    bias = None if b is None else (b[:size] + b[size:] if op != "GRU" else b[:size])
    if bias is not None:
        projected = build.add("Add", projected, build.constant(bias, "b"))
    step = STEPS[op](layer, build, direction, directions)
    state: State = tuple(_initial(layer, build, 5 + i, direction) for i in range(2 if op == "LSTM" else 1))
    order = range(layer.steps - 1, -1, -1) if backwards and not lengths else range(layer.steps)
    outputs = {}
    for t in order:
        now = build.add("Gather", projected, build.constant(np.array(t, np.int64), "t"), axis=0)
        after = step(now, state)
        outputs[t] = str(after[0])
        if lengths:
            outputs[t], after = _masked(build, lengths, t, state, after)
        state = after
    found = [outputs[t] for t in range(layer.steps)]
    if backwards and lengths:
        found = _turned(build, found, lengths)
    return found, state


def _masked(build: NodeBuilder, lengths: str, t: int, before: State, after: State) -> tuple[str, State]:
    """Return the output and the state where sequences that have ended put out 0 and stay."""
    running = build.add("Less", build.constant(np.array(t, np.int64), "t"), lengths)
    running = build.add("Unsqueeze", running, build.constant(np.array([1], np.int64), "axes"))
    zero = build.constant(np.zeros((), np.float32), "zero")
    state = tuple(
        str(build.add("Where", running, str(new), old or zero)) for new, old in zip(after, before, strict=True)
    )
    return str(build.add("Where", running, str(after[0]), zero)), state


def _turned(build: NodeBuilder, steps: list[str], lengths: str) -> list[str]:
    y = build.add("ReverseSequence", _stacked(build, steps, 0), lengths, batch_axis=1, time_axis=0)
    return [build.add("Gather", y, build.constant(np.array(t, np.int64), "t"), axis=0) for t in range(len(steps))]


def _initial(layer: Layer, build: NodeBuilder, index: int, direction: int) -> str | None:
    """Return the name of the state before the first step, None for zeros."""
    name = layer.inputs[index] if len(layer.inputs) > index else None
    value = layer.weights.get(index)
    if not name or (value is not None and not value.any()):
        return None
    axis = 1 if layer.attributes.get("layout", 0) else 0
    return str(build.add("Gather", name, build.constant(np.array(direction, np.int64), "d"), axis=axis))
