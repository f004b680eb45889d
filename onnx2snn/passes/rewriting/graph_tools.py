"""Helpers for graph-surgeon graphs; nodes and variables are compared by identity, never by `==`."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter

from onnx2snn_runtime.ir.operators import facts


def is_static(tensor: gs.Tensor) -> bool:
    """Return whether `tensor` is a constant, or an omitted input."""
    return isinstance(tensor, gs.Constant) or tensor.is_empty()


def label(node: gs.Node) -> str:
    """Return `node` in words, for messages."""
    return f"{node.op} node {node.name or (node.outputs[0].name if node.outputs else '')!r}"


def identities(tensors: Iterable[gs.Tensor]) -> set[int]:
    """Return the identities of `tensors`."""
    return {id(tensor) for tensor in tensors}


def consumers(node: gs.Node) -> Iterator[gs.Node]:
    """Yield the nodes that take an output of `node`."""
    for output in node.outputs:
        yield from output.outputs


def producer(tensor: gs.Tensor) -> gs.Node | None:
    """Return the node that makes `tensor`, or None."""
    return tensor.inputs[0] if tensor.inputs else None


def unique(tensors: Iterable[gs.Tensor]) -> list[gs.Tensor]:
    """Return `tensors` without repetitions, by identity, in order of first appearance."""
    seen: dict[int, gs.Tensor] = {}
    for tensor in tensors:
        seen.setdefault(id(tensor), tensor)
    return list(seen.values())


def is_float(tensor: gs.Tensor, node: gs.Node) -> bool:
    """Return whether an output of `node` is floating-point, by its type or, where that is unknown, by the operator."""
    if tensor.dtype is None:
        return not facts(node.op, node.domain).discrete and not (
            node.op == "Cast" and node.attrs.get("to") not in (1, 10, 11, 16)
        )
    if isinstance(tensor.dtype, int):  # ONNX types that numpy lacks
        return int(tensor.dtype) in (onnx.TensorProto.BFLOAT16,)
    return bool(np.issubdtype(np.dtype(tensor.dtype), np.floating))


def fresh_name(graph: gs.Graph, stem: str) -> str:
    """Return a tensor or node name that `graph` does not use yet, starting with `stem`."""
    taken = graph.__dict__.get("_taken_names")  # getattr would ask for a registered operator of that name
    if taken is None:
        taken = graph.__dict__["_taken_names"] = set(graph.tensors()) | {node.name for node in graph.nodes}
    name, number = stem, 1
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    taken.add(name)
    return name


def insert_before(graph: gs.Graph, node: gs.Node, new: Iterable[gs.Node]) -> None:
    """Insert nodes in place, so that the order stays topological."""
    index = next(i for i, other in enumerate(graph.nodes) if other is node)
    graph.nodes[index:index] = list(new)


def remove(graph: gs.Graph, nodes: Iterable[gs.Node]) -> None:
    """Unlink `nodes` and take them out of the graph, by identity."""
    gone = {id(node) for node in nodes}
    for node in graph.nodes:
        if id(node) in gone:
            node.inputs.clear()
            node.outputs.clear()
    kept = [node for node in graph.nodes if id(node) not in gone]
    graph.nodes.clear()
    graph.nodes.extend(kept)


def put_in_place(graph: gs.Graph, node: gs.Node, new: Iterable[gs.Node], value: gs.Tensor) -> None:
    """Put the nodes `new` in the place of `node`; `value`, which they compute, takes the name of its output.

    Where nothing was to be done `value` is not theirs: others may read it, so that it keeps its name.
    """
    index = next(i for i, other in enumerate(graph.nodes) if other is node)
    result = node.outputs[0]
    remove(graph, [node])
    made = list(new)
    if any(tensor is value for other in made for tensor in other.outputs):
        value.inputs[0].outputs = [result]
    else:
        made.append(gs.Node("Identity", fresh_name(graph, f"{result.name}/Identity"), {}, [value], [result]))
    graph.nodes[index:index] = made


def graphs_of(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield `graph` and the graphs inside its nodes: branches and bodies of loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from graphs_of(inner)


def to_proto(node: gs.Node) -> onnx.NodeProto:
    """Return `node` as a NodeProto."""
    proto: Any = OnnxExporter.export_node(node)
    return proto
