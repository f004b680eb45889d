"""Opens Scan and Loop: their body, once, between marks, where their length is a question of shapes and not of values.

ys = Scan(h0, xs) { body }             ->  h = Carried(h0); x = Position(xs); body; hT, ys = Exit(length, x, h, h', y)
ys = Loop(n, true, h0) { i: body }     ->  the same over the positions i of Range(0, n)

Values that a loop carries unchanged are those from outside. A condition may compare counters with limits.
"""

import numpy as np
import onnx

from onnx2snn.passes.recurrence.count_trips import trips
from onnx2snn.passes.recurrence.unroll_loops import Scope, inline
from onnx2snn.passes.rewriting.marks import Marker
from onnx2snn.passes.rewriting.node_builder import NodeBuilder, attributes_of
from onnx2snn_runtime.errors import UnsupportedError


def open_loop(node: onnx.NodeProto, build: NodeBuilder, scope: Scope, marker: Marker) -> None:
    """Emit the body of `node`, a Loop or a Scan, between marks, under the names of its outputs."""
    {"Loop": _open_loop, "Scan": _open_scan}[node.op_type](node, build, scope, marker)


def _open_scan(node: onnx.NodeProto, build: NodeBuilder, scope: Scope, marker: Marker) -> None:
    a = attributes_of(node)
    graph, count = a["body"], a["num_scan_inputs"]
    initial, sequences = list(node.input[: len(node.input) - count]), list(node.input[len(node.input) - count :])
    axes, turned = a.get("scan_input_axes", [0] * count), a.get("scan_input_directions", [0] * count)
    shape = build.add("Shape", sequences[0])
    length = build.add("Gather", shape, build.constant(np.array(axes[0], np.int64), "axis"), axis=0)
    scanned = [marker.position(*each) for each in zip(sequences, axes, map(bool, turned), strict=True)]
    stacks = len(node.output) - len(initial)
    out_axes = a.get("scan_output_axes", [0] * stacks)
    out_turned = [bool(flag) for flag in a.get("scan_output_directions", [0] * stacks)]
    _body(node, graph, initial, scanned, scanned[0], length, (out_axes, out_turned), build, scope, marker)


def _open_loop(node: onnx.NodeProto, build: NodeBuilder, scope: Scope, marker: Marker) -> None:
    graph, initial = attributes_of(node)["body"], list(node.input[2:])
    if len(graph.input) != len(initial) + 2 or len(graph.output) != len(node.output) + 1:
        raise UnsupportedError(f"the Loop node {node.name or node.output[0]!r} has a body that does not fit its inputs")
    length = trips(node, graph, build, scope)
    first, one = build.constant(np.array(0, np.int64), "first"), build.constant(np.array(1, np.int64), "one")
    counter = marker.position(build.add("Range", first, length, one))
    condition = build.constant(np.array(True), "true")
    body = onnx.GraphProto()
    body.CopyFrom(graph)
    del body.output[0]  # the condition: it is in the length
    stacks = len(node.output) - len(initial)
    names = {graph.input[0].name: counter, graph.input[1].name: condition}
    kept = ([0] * stacks, [False] * stacks)
    _body(node, body, initial, [], counter, length, kept, build, scope, marker, names)


def _body(
    node: onnx.NodeProto,
    graph: onnx.GraphProto,
    initial: list[str],
    scanned: list[str],
    anchor: str,
    length: str,
    kept: tuple[list[int], list[bool]],
    build: NodeBuilder,
    scope: Scope,
    marker: Marker,
    names: dict[str, str] | None = None,
) -> None:
    """Emit the body with its states and scanned values, and the exit, under the names of the outputs of `node`."""
    own = [value.name for value in graph.input if value.name not in (names or {})]
    states = len(initial)
    unchanged = [graph.output[i].name == own[i] for i in range(states)]
    begun = [value if same else marker.carried(value) for value, same in zip(initial, unchanged, strict=True)]
    bound = (names or {}) | dict(zip(own, [*begun, *scanned], strict=True))
    results = inline(graph, bound, build, scope)
    changing = [i for i in range(states) if not unchanged[i]]
    made = marker.exit(length, anchor, [(begun[i], results[i]) for i in changing], results[states:], *kept)
    last = dict(zip(changing, made, strict=False))
    outputs = [last.get(i, initial[i]) for i in range(states)] + made[len(changing) :]
    for name, result in zip(node.output, outputs, strict=True):
        if name:
            build.rename(result, name)
