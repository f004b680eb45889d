"""Writes the nodes between the marks of a recurrence as a Scan, after all other passes.

h = Carried(h0); x = Position(xs); h' = SpikingTanh(x + h R); hT, ys = Exit(length, x, h, h', h')
  ->  hT, ys = Scan(h0, xs) { h' = SpikingTanh(x + h R) }
"""

from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.marks import MARKS, is_mark
from onnx2snn.passes.rewriting.node_builder import attributes_of
from onnx2snn.reference.guarded import infer_shapes
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ir.large import is_large
from onnx2snn_runtime.ir.recurrence import is_rolled


def close_recurrences(work: Work) -> int:
    """Close every recurrence that is open; one inside another raises UnsupportedError."""
    model = work.model
    count = sum(is_mark(node, "Exit") for node in model.graph.node)
    if not count:
        return 0
    types = {v.name: v for v in (*model.graph.value_info, *model.graph.input, *model.graph.output)}
    for _ in range(count):  # to find them anew: a list of nodes is copied when it is written
        _close(model.graph, next(n for n in model.graph.node if is_mark(n, "Exit")), types, work.where)
    opsets = [o for o in model.opset_import if o.domain != MARKS]
    functions = [f for f in model.functions if f.domain != MARKS]
    for field_name, kept in (("opset_import", opsets), ("functions", functions)):
        model.ClearField(field_name)
        getattr(model, field_name).extend(kept)
    del model.graph.value_info[:]
    if not is_large(model):
        work.model = infer_shapes(model)
    return count


@dataclass
class _Body:
    """The nodes between the marks of one recurrence, in order."""

    entries: list[onnx.NodeProto] = field(default_factory=list)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    made: set[str] = field(default_factory=set)


def _between(graph: onnx.GraphProto, last: onnx.NodeProto, where: str) -> _Body:
    """Return what depends on the entries of the recurrence that `last` is the exit of."""
    body, number = _Body(), attributes_of(last)["recurrence"]
    for node in graph.node:
        if node is last:
            return body
        own = node.domain == MARKS and attributes_of(node)["recurrence"] == number
        inside = not own and any(name in body.made for name in node.input)
        if inside and (node.domain == MARKS or is_rolled(node)):
            raise UnsupportedError(
                f"{where} cannot be converted: the recurrence {node.name!r} of a free length lies inside the "
                f"recurrence {attributes_of(last)['label']!r}: export one of them with a fixed length"
            )
        if own or inside:
            (body.entries if own else body.nodes).append(node)
            body.made.update(node.output)
    return body


def _close(graph: onnx.GraphProto, last: onnx.NodeProto, types: dict[str, onnx.ValueInfoProto], where: str) -> None:
    body, held = _between(graph, last, where), attributes_of(last)
    wiring = _wire(body, last, held)
    inner = helper.make_graph(
        wiring.nodes,
        held["label"],
        [_typed(name, types) for name in wiring.inputs],
        [helper.make_empty_tensor_value_info(name) for name in wiring.outputs],
    )
    name = held["label"] if held["label"] not in {n.name for n in graph.node} else last.name
    scan = helper.make_node("Scan", wiring.given, _named(last), name=name, body=inner, **wiring.attributes)
    gone = {id(node) for node in (*body.entries, *body.nodes)}
    kept = [scan if node is last else node for node in graph.node if id(node) not in gone]
    del graph.node[:]
    graph.node.extend(kept)


@dataclass
class _Wiring:
    """What a Scan is made of: its inputs, and those, the nodes and the outputs of its body."""

    given: list[str]
    inputs: list[str]
    nodes: list[onnx.NodeProto]
    outputs: list[str]
    attributes: dict[str, Any]


def _wire(body: _Body, last: onnx.NodeProto, held: dict[str, Any]) -> _Wiring:
    states, stacks = held["states"], len(last.output) - held["states"]
    before = {node.output[0]: node.input[0] for node in body.entries if is_mark(node, "Carried")}
    carried = list(last.input[2 : 2 + states])
    scanned = [node for node in body.entries if is_mark(node, "Position")]
    nodes, outputs = list(body.nodes), list[str]()
    entries = {name for node in body.entries for name in node.output}
    for index, name in enumerate(last.input[2 + states :]):
        if name in outputs or name in entries or name not in body.made:  # an output is made in the body, once
            nodes.append(helper.make_node("Identity", [name], [f"{last.name}/{index}"], name=f"{last.name}/{index}"))
            name = f"{last.name}/{index}"
        outputs.append(name)
    own = [attributes_of(node) for node in scanned]
    attributes = {
        "num_scan_inputs": len(scanned),
        "scan_input_axes": [a["axis"] for a in own],
        "scan_input_directions": [a["backwards"] for a in own],
        "scan_output_axes": held["axes"][:stacks],
        "scan_output_directions": held["turned"][:stacks],
    }
    attributes = {key: value for key, value in attributes.items() if value != []}
    given = [*(before[name] for name in carried), *(node.input[0] for node in scanned)]
    return _Wiring(given, [*carried, *(n.output[0] for n in scanned)], nodes, outputs, attributes)


def _typed(name: str, types: dict[str, onnx.ValueInfoProto]) -> onnx.ValueInfoProto:
    """Return the declaration of an input of the body: its element type alone, a body has no shapes of its own."""
    known = types[name].type.tensor_type.elem_type if name in types else onnx.TensorProto.FLOAT
    return helper.make_tensor_value_info(name, known or onnx.TensorProto.FLOAT, None)


def _named(last: onnx.NodeProto) -> list[str]:
    """Return the outputs of a recurrence, all of them with a name."""
    return [name or f"{last.name}/unused_{index}" for index, name in enumerate(last.output)]
