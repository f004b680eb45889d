"""Estimates the size of a model after inlining, before it is inlined: nested function calls, and endless loops.

f30(x) = f29(f29(x)), ..., f1(x) = Relu(Relu(x))     2^30 nodes in a file of a kilobyte
"""

from collections.abc import Iterable, Mapping

import onnx
from onnx import numpy_helper

from onnx2snn_runtime.errors import ModelError

MOST_NODES = 1_000_000
"""Nodes that a model has at most, its functions written out."""
MOST_ROUNDS = 4096
"""Rounds of a loop that are unrolled at most."""

Key = tuple[str, str, str]


def check_size(model: onnx.ModelProto, where: str) -> int:
    """Return the nodes of `model` with its functions written out; too many, or endless loops, raise ModelError."""
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    total = _count(model.graph.node, functions, {}, ())
    if total > MOST_NODES:
        raise ModelError(
            f"{where} has more than {MOST_NODES:,} nodes once its functions are written out: export a smaller network"
        )
    for nodes in (model.graph.node, *(f.node for f in model.functions)):
        _check_loops(nodes, _numbers(model.graph.initializer, nodes))
    return total


def _count(
    nodes: Iterable[onnx.NodeProto],
    functions: Mapping[Key, onnx.FunctionProto],
    known: dict[Key, int],
    calls: tuple[Key, ...],
) -> int:
    """Return the number of nodes; `known` holds what functions come to, `calls` those that are being looked at."""
    total = 0
    for node in nodes:
        total += 1 + sum(_count(g.node, functions, known, calls) for g in _subgraphs(node))
        key = (node.domain, node.op_type, node.overload)
        if key not in functions:
            continue
        if key in calls or len(calls) > 500:
            raise ModelError(
                f"the function {node.op_type!r} of the domain {node.domain!r} calls itself: export it anew"
            )
        if key not in known:
            known[key] = _count(functions[key].node, functions, known, (*calls, key))
        total += known[key]
    return total


def _check_loops(nodes: Iterable[onnx.NodeProto], constants: Mapping[str, int]) -> None:
    for node in nodes:
        for graph in _subgraphs(node):
            _check_loops(graph.node, {**constants, **_numbers(graph.initializer, graph.node)})
        if node.op_type != "Loop" or not node.input or node.domain not in ("", "ai.onnx"):
            continue
        rounds = constants.get(node.input[0], 0) if node.input[0] else MOST_ROUNDS + 1
        if rounds > MOST_ROUNDS and all(goes_on(graph) for graph in _subgraphs(node)):
            raise ModelError(
                f"the Loop node {node.name or ''.join(node.output[:1])!r} repeats {rounds} times: no more than "
                f"{MOST_ROUNDS} rounds are unrolled; export a shorter one"
            )


def goes_on(body: onnx.GraphProto) -> bool:
    """Return whether the condition that `body` gives is always true, or what it was."""
    if not body.output or len(body.input) < 2:
        return False
    name, made = body.output[0].name, {name: node for node in body.node for name in node.output}
    while name in made and made[name].op_type == "Identity" and made[name].input:
        name = made.pop(name).input[0]
    return name == body.input[1].name or _numbers(body.initializer, body.node).get(name, 0) != 0


def _numbers(tensors: Iterable[onnx.TensorProto], nodes: Iterable[onnx.NodeProto]) -> dict[str, int]:
    """Return the single integers and truths among the constants, by name."""
    single = {t.name: t for t in tensors}
    for node in nodes:
        if node.op_type == "Constant" and node.output and node.attribute and node.attribute[0].HasField("t"):
            single[node.output[0]] = node.attribute[0].t
    kinds = (onnx.TensorProto.INT64, onnx.TensorProto.BOOL)
    whole = {n: t for n, t in single.items() if t.data_type in kinds and list(t.dims) in ([], [1]) and _has_data(t)}
    return {name: int(numpy_helper.to_array(tensor).reshape(-1)[0]) for name, tensor in whole.items()}


def _has_data(tensor: onnx.TensorProto) -> bool:
    size = 8 if tensor.data_type == onnx.TensorProto.INT64 else 1
    inside = tensor.data_location != onnx.TensorProto.EXTERNAL
    return inside and (len(tensor.raw_data) == size or len(tensor.int64_data) == 1 or len(tensor.int32_data) == 1)


def _subgraphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [g for a in node.attribute for g in ((a.g,) if a.HasField("g") else a.graphs)]
