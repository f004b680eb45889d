"""Unrolls Loop and Scan with a known trip count, and If with a known condition.

Loop(3, true, h) { h = tanh(h W) }  ->  h1 = tanh(h W); h2 = tanh(h1 W); h3 = tanh(h2 W)
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.passes.rewriting.node_builder import NodeBuilder, attributes_of
from onnx2snn.reference import engine
from onnx2snn.reference.sessions import open_session
from onnx2snn.reference.size import goes_on
from onnx2snn_runtime.errors import ModelError, UnsupportedError

LOOPS = ("Loop", "Scan", "If")
MOST = 4096
"""No loop of more repetitions is unrolled."""


@dataclass
class Scope:
    """What is known around a loop: constants by name, shapes by name (0: any), the opset."""

    constants: dict[str, np.ndarray]
    shapes: dict[str, list[int]]
    opsets: list[onnx.OperatorSetIdProto]
    ir_version: int
    by_values: set[str] = field(default_factory=set)
    """Values that depend on those of the inputs, and not on shapes alone."""

    most: int = 0
    """A loop of more repetitions is not unrolled; 0: MOST."""

    static: dict[str, list[onnx.NodeProto]] = field(default_factory=dict)


def unroll_loop(node: onnx.NodeProto, build: NodeBuilder, scope: Scope) -> None:
    """Emit what is inside `node`, an If, Loop or Scan, under the names of its outputs.

    A Loop or Scan of unknown length, and an If of an unknown condition, raise UnsupportedError.
    """
    {"If": _if, "Loop": _loop, "Scan": _scan}[node.op_type](node, build, scope)


def _if(node: onnx.NodeProto, build: NodeBuilder, scope: Scope) -> None:
    condition = scope.constants.get(node.input[0])
    if condition is None:
        raise UnsupportedError(
            f"the condition of the If node {node.name or node.output[0]!r} depends on the inputs: export the branch "
            "that is wanted alone"
        )
    graph = attributes_of(node)["then_branch" if bool(np.all(condition)) else "else_branch"]
    for name, result in zip(node.output, inline(graph, {}, build, scope), strict=True):
        build.rename(result, name)


def _loop(node: onnx.NodeProto, build: NodeBuilder, scope: Scope) -> None:
    graph = attributes_of(node)["body"]
    most = scope.constants.get(node.input[0]) if node.input[0] else np.array(np.iinfo(np.int64).max)
    running = scope.constants.get(node.input[1]) if len(node.input) > 1 and node.input[1] else np.array(True)
    carried, collected = list(node.input[2:]), list[list[str]]()
    if len(graph.input) != len(carried) + 2 or len(graph.output) < len(carried) + 1:
        raise UnsupportedError(f"the Loop node {node.name or node.output[0]!r} has a body that does not fit its inputs")
    _check_rounds(node, graph, most, scope)
    count = 0
    while True:
        if most is None or running is None:
            raise UnsupportedError(
                f"the Loop node {node.name or node.output[0]!r} repeats as often as the input says: export with a "
                "fixed number of repetitions"
            )
        if count >= int(most.reshape(-1)[0]) or not running.all():
            break
        if count >= (scope.most or MOST):
            raise UnsupportedError(
                f"the Loop node {node.name or node.output[0]!r} repeats more than {scope.most or MOST} times"
            )
        own = [_known(build, scope, np.array(count, np.int64)), _known(build, scope, np.array(True)), *carried]
        results = inline(graph, dict(zip((v.name for v in graph.input), own, strict=True)), build, scope)
        values = _evaluate(results[: len(carried) + 1], scope)
        running = values.get(results[0])
        carried = [
            _known(build, scope, values[name]) if name in values else name for name in results[1 : len(carried) + 1]
        ]
        collected.append(results[len(carried) + 1 :])
        count += 1
    if not collected and len(node.output) > len(carried):
        raise UnsupportedError(f"the Loop node {node.name or node.output[0]!r} never runs, and yet has results")
    outputs = [*carried, *(_stacked(build, list(parts), 0) for parts in zip(*collected, strict=True))]
    for name, result in zip(node.output, outputs, strict=True):
        if name:
            build.rename(result, name)


def _check_rounds(node: onnx.NodeProto, graph: onnx.GraphProto, most: np.ndarray | None, scope: Scope) -> None:
    """Refuse at once what is known to repeat too often, before it is written out as often as it may."""
    limit = scope.most or MOST
    if most is not None and int(most.reshape(-1)[0]) > limit and goes_on(graph):
        raise UnsupportedError(f"the Loop node {node.name or node.output[0]!r} repeats more than {limit} times")


def _scan(node: onnx.NodeProto, build: NodeBuilder, scope: Scope) -> None:
    a = attributes_of(node)
    graph, count = a["body"], a["num_scan_inputs"]
    state, sequences = list(node.input[: len(node.input) - count]), list(node.input[len(node.input) - count :])
    axes = a.get("scan_input_axes", [0] * count)
    lengths = {scope.shapes.get(s, [0] * 9)[axis] for s, axis in zip(sequences, axes, strict=True)}
    steps = max(lengths)
    if not 0 < steps <= (scope.most or MOST):
        raise UnsupportedError(
            f"the Scan node {node.name or node.output[0]!r} reads a sequence of unknown length, or of more than {MOST} "
            "steps: export with a fixed length"
        )
    backwards = a.get("scan_input_directions", [0] * count)
    collected = []
    for t in range(steps):
        own = list(state)
        for sequence, axis, back in zip(sequences, axes, backwards, strict=True):
            place = _known(build, scope, np.array(steps - 1 - t if back else t, np.int64))
            own.append(build.add("Gather", sequence, place, axis=axis))
        results = inline(graph, dict(zip((v.name for v in graph.input), own, strict=True)), build, scope)
        state = results[: len(state)]
        collected.append(results[len(state) :])
    outputs = list(state)
    scanned = len(collected[0])
    turned, out_axes = a.get("scan_output_directions", [0] * scanned), a.get("scan_output_axes", [0] * scanned)
    for index, parts in enumerate(zip(*collected, strict=True)):
        outputs.append(_stacked(build, list(parts)[:: -1 if turned[index] else 1], out_axes[index]))
    for name, result in zip(node.output, outputs, strict=True):
        if name:
            build.rename(result, name)


def _stacked(build: NodeBuilder, values: list[str], axis: int) -> str:
    axes = build.constant(np.array([axis], np.int64), "axes")
    return str(build.add("Concat", *(build.add("Unsqueeze", value, axes) for value in values), axis=axis))


def _known(build: NodeBuilder, scope: Scope, value: np.ndarray) -> str:
    name = build.constant(value)
    scope.constants[name] = value
    return name


def inline(graph: onnx.GraphProto, names: dict[str, str], build: NodeBuilder, scope: Scope) -> list[str]:
    """Emit the nodes of a subgraph with fresh names; return the names of its outputs."""
    names = dict(names)
    for tensor in graph.initializer:
        names[tensor.name] = _known(build, scope, numpy_helper.to_array(tensor))
    for node in graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = build.name(node.name or node.op_type)
        for output in node.output:
            if output:
                names[output] = build.name(output)
        _rename(copy, names)
        build.nodes.append(copy)
        if not any(a.type == onnx.AttributeProto.GRAPH for a in copy.attribute) and all(
            name in scope.constants or name in scope.static or not name for name in copy.input
        ):
            before = [n for name in copy.input for n in scope.static.get(name, [])]
            made = [*{id(n): n for n in before}.values(), copy]
            scope.static.update(dict.fromkeys(copy.output, made))
    return [names.get(value.name, value.name) for value in graph.output]


def _rename(node: onnx.NodeProto, names: dict[str, str]) -> None:
    """Rename what `node` and its subgraphs read and make; what a subgraph names itself hides the outer name."""
    for values in (node.input, node.output):
        for index, name in enumerate(values):
            values[index] = names.get(name, name)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            graph = attribute.g
            own = {v.name for v in (*graph.input, *graph.initializer)} | {n for i in graph.node for n in i.output}
            visible = {old: new for old, new in names.items() if old not in own}
            for inner in graph.node:
                _rename(inner, visible)
            for output in graph.output:
                output.name = visible.get(output.name, output.name)


def _evaluate(names: list[str], scope: Scope) -> dict[str, np.ndarray]:
    """Return the values of those of `names` that depend on constants alone."""
    values = {name: scope.constants[name] for name in names if name in scope.constants}
    wanted = [name for name in dict.fromkeys(names) if name in scope.static]
    if not wanted:
        return values
    nodes = list({id(n): n for name in wanted for n in scope.static[name]}.values())
    made = {name for node in nodes for name in node.output}
    read = sorted({name for node in nodes for name in node.input if name and name not in made})
    held = [numpy_helper.from_array(scope.constants[name], name) for name in read]
    results = [helper.make_empty_tensor_value_info(name) for name in wanted]
    graph = helper.make_graph(nodes, "constants", [], results, held)
    model = helper.make_model(graph, opset_imports=scope.opsets, ir_version=scope.ir_version)
    try:
        return values | dict(zip(wanted, open_session(model).run(wanted, {}), strict=True))
    except engine.errors(ModelError):
        return values  # not computed: whoever needs it says that it is unknown
