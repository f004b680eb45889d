"""LSTM, GRU and RNN as plain operators: unrolled, a step for every position, or one step between marks.

Y, Y_h = RNN(X, W, R, B)  ->  p = X W^T + b; h1 = tanh(p[0]); h2 = tanh(p[1] + h1 R^T); ...; Y = [h1, h2, ...]
                          ->  h = Carried(0); x = Position(X W^T + b); h' = tanh(x + h R^T); Y_h, Y = Exit(..., h', h')
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.passes.recurrence.unroll_cells import STEPS, Layer, State
from onnx2snn.passes.rewriting.marks import Marker
from onnx2snn.passes.rewriting.node_builder import NodeBuilder

LAYERS = ("LSTM", "GRU", "RNN")


def unroll_layer(layer: Layer, build: NodeBuilder, marker: Callable[[int], Marker] | None = None) -> None:
    """Emit the nodes that `layer` is made of, under the names of its outputs.

    With `marker`, which gives each direction its marks, the layer stays rolled, else every position is written out.
    """
    a, node = layer.attributes, layer.node
    x = str(layer.inputs[0])
    if a.get("layout", 0):
        x = build.add("Transpose", x, perm=[1, 0, 2])
    directions = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[a.get("direction", "forward")]
    sides = []
    for index, backwards in enumerate(directions):
        side = Side(layer, build, x, index, len(directions), backwards)
        sides.append(_open(side, marker(index)) if marker else _unrolled(side))
    wanted = [*node.output, "", "", ""][:3]
    if wanted[0]:
        y = _stacked(build, [hidden for hidden, _ in sides], 1)
        build.rename(build.add("Transpose", y, perm=[2, 0, 1, 3]) if a.get("layout", 0) else y, wanted[0])
    for place, name in enumerate(wanted[1:]):
        if name:
            value = _stacked(build, [str(state[place]) for _, state in sides], 1 if a.get("layout", 0) else 0)
            build.rename(value, name)


def _stacked(build: NodeBuilder, values: Sequence[str], axis: int) -> str:
    axes = build.constant(np.array([axis], np.int64), "axes")
    parts = [build.add("Unsqueeze", value, axes) for value in values]
    return str(build.add("Concat", *parts, axis=axis)) if len(parts) > 1 else str(parts[0])


class Side:
    """One direction of a layer: its projected input [positions, samples, gates], its step and its first state."""

    def __init__(
        self, layer: Layer, build: NodeBuilder, x: str, direction: int, directions: int, backwards: bool
    ) -> None:
        self.layer, self.build, self.direction, self.backwards = layer, build, direction, backwards
        lengths = layer.inputs[4] if len(layer.inputs) > 4 else None
        self.lengths = build.add("Cast", lengths, to=onnx.TensorProto.INT64) if lengths else None
        if backwards and self.lengths:
            x = build.add("ReverseSequence", x, self.lengths, batch_axis=1, time_axis=0)
        op, w, b = layer.node.op_type, layer.weights[1][direction], layer.weight(3, direction)
        self.hidden, size = layer.weights[2].shape[-1], w.shape[0]
        self.projected: str = build.add("MatMul", x, build.constant(w.T.copy(), "W"))
        bias = None if b is None else (b[:size] + b[size:] if op != "GRU" else b[:size])
        if bias is not None:
            self.projected = build.add("Add", self.projected, build.constant(bias, "b"))
        self.step = STEPS[op](layer, build, direction, directions)
        self.state: State = tuple(_initial(layer, build, 5 + i, direction) for i in range(2 if op == "LSTM" else 1))

    def turned(self, y: str) -> str:
        """Return the outputs [positions, ...] in the order of the input."""
        if not (self.backwards and self.lengths):
            return y
        return str(self.build.add("ReverseSequence", y, self.lengths, batch_axis=1, time_axis=0))


def _unrolled(side: Side) -> tuple[str, State]:
    """Return the hidden states [positions, samples, hidden] and the last state, every position written out."""
    layer, build, state = side.layer, side.build, side.state
    backwards = side.backwards and not side.lengths
    outputs = {}
    for t in range(layer.steps - 1, -1, -1) if backwards else range(layer.steps):
        now = build.add("Gather", side.projected, build.constant(np.array(t, np.int64), "t"), axis=0)
        after = side.step(now, state)
        outputs[t] = str(after[0])
        if side.lengths:
            running = build.add("Less", build.constant(np.array(t, np.int64), "t"), side.lengths)
            outputs[t], after = _masked(build, running, state, after)
        state = after
    return side.turned(_stacked(build, [outputs[t] for t in range(layer.steps)], 0)), state


def _open(side: Side, marker: Marker) -> tuple[str, State]:
    """Return the hidden states [positions, samples, hidden] and the last state, by one step between marks."""
    build, backwards = side.build, side.backwards and not side.lengths
    shape = build.add("Shape", side.projected)
    length = build.add("Gather", shape, build.constant(np.array(0, np.int64), "first"), axis=0)
    state: State = tuple(marker.carried(value or _zeros(side, shape)) for value in side.state)
    now = marker.position(side.projected, backwards=backwards)
    after = side.step(now, state)
    output = str(after[0])
    if side.lengths:
        output, after = _masked(build, marker.position(_running(side, length)), state, after)
    *last, y = marker.exit(
        length, now, list(zip(map(str, state), map(str, after), strict=True)), [output], [0], [backwards]
    )
    return side.turned(y), tuple(last)


def _zeros(side: Side, shape: str) -> str:
    """Return a state of zeros [samples, hidden] for a projected input of that `shape`."""
    build = side.build
    samples = build.add("Gather", shape, build.constant(np.array([1], np.int64), "samples"), axis=0)
    size = build.add("Concat", samples, build.constant(np.array([side.hidden], np.int64), "hidden"), axis=0)
    zero = numpy_helper.from_array(np.zeros(1, side.layer.weights[1].dtype))
    return str(build.add("ConstantOfShape", size, value=zero))


def _running(side: Side, length: str) -> str:
    """Return whether the sequence of a sample still runs at each position: bool [positions, samples]."""
    build = side.build
    first, one = build.constant(np.array(0, np.int64), "first"), build.constant(np.array(1, np.int64), "one")
    positions = build.add("Unsqueeze", build.add("Range", first, length, one), build.constant(np.array([1]), "axes"))
    return str(build.add("Less", positions, str(side.lengths)))


def _masked(build: NodeBuilder, running: str, before: State, after: State) -> tuple[str, State]:
    """Return the output and the state where sequences that have ended put out 0 and stay; `running` is [samples]."""
    running = build.add("Unsqueeze", running, build.constant(np.array([1], np.int64), "axes"))
    zero = build.constant(np.zeros((), np.float32), "zero")
    state = tuple(
        str(build.add("Where", running, str(new), old or zero)) for new, old in zip(after, before, strict=True)
    )
    return str(build.add("Where", running, str(after[0]), zero)), state


def _initial(layer: Layer, build: NodeBuilder, index: int, direction: int) -> str | None:
    """Return the name of the state before the first step, None for zeros."""
    name = layer.inputs[index] if len(layer.inputs) > index else None
    value = layer.weights.get(index)
    if not name or (value is not None and not value.any()):
        return None
    axis = 1 if layer.attributes.get("layout", 0) else 0
    return str(build.add("Gather", name, build.constant(np.array(direction, np.int64), "d"), axis=axis))
