"""Checks that an IR model is whole before anything is made of it: tensors, names, the rules of ONNX, function bodies.

Files are damaged by disks, transfers and editors, and anybody may have written them. What passes these checks is built
and run; what a value in them means is checked by `verify`, and what its operators make of data when it runs.
"""

import re
from collections.abc import Iterable, Sequence

import onnx
from onnx import TensorProto, numpy_helper

from onnx2snn_runtime.errors import ModelError, first_line
from onnx2snn_runtime.ir.reading import tensors

KINDS = frozenset(TensorProto.DataType.values()) - {TensorProto.UNDEFINED}
DAMAGED = "the file is damaged, or was edited: convert the model again"


def check_structure(model: onnx.ModelProto, where: str) -> None:
    """Raise ModelError for the first thing in `model` that is broken."""
    for tensor in tensors(model):
        check_tensor(tensor, where)
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.tensor_type.elem_type
        if value.type.HasField("tensor_type") and (kind not in KINDS or kind == TensorProto.STRING):
            raise ModelError(f"{value.name!r} of {where} has the element type {kind}, which no network has: {DAMAGED}")
    held = [tensor.name for tensor in model.graph.initializer]
    if len(set(held)) < len(held):
        raise ModelError(f"{where} holds two weights of one name: {DAMAGED}")
    _check_graph(model.graph, frozenset(), where)
    for function in model.functions:
        owner = f"the function {function.name!r} of {where}"
        made = _check_nodes(function.node, frozenset(function.input), owner)
        _check_made(function.output, made, owner)
    _check_rules(model, where)


def check_tensor(tensor: TensorProto, where: str) -> None:
    """Raise ModelError for a tensor that lies in another file, or whose values cannot be read: see `reading` before."""
    name = f"the weight {tensor.name!r} of {where}"
    if tensor.data_location == TensorProto.EXTERNAL:
        raise ModelError(f"{name} lies in a file beside the model: give the path of the model, and keep both together")
    try:
        numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        raise ModelError(f"{name} cannot be read ({first_line(error)}): {DAMAGED}") from error


def _check_graph(graph: onnx.GraphProto, outer: frozenset[str], where: str) -> None:
    """Check the nodes of `graph`, which may read the values `outer`, and that its outputs are made."""
    known = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    _check_made([value.name for value in graph.output], _check_nodes(graph.node, outer | known, where), where)


def _check_nodes(nodes: Iterable[onnx.NodeProto], known: frozenset[str], where: str) -> set[str]:
    """Return `known` and all that `nodes` make; what they read has to be known before, and be made once."""
    seen = set(known)
    for node in nodes:
        label = f"the {node.op_type} node {node.name or ', '.join(node.output)!r} of {where}"
        for name in node.input:
            if name and name not in seen:
                raise ModelError(f"{label} reads {name!r}, which nothing makes before it: {DAMAGED}")
        for name in node.output:
            if name in seen:
                raise ModelError(f"{label} makes {name!r}, which is there already: {DAMAGED}")
        if not any(node.output):
            raise ModelError(f"{label} has no output: {DAMAGED}")
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _check_graph(graph, frozenset(seen), where)
        seen.update(name for name in node.output if name)
    return seen


def _check_made(outputs: Sequence[str], made: set[str], where: str) -> None:
    for name in outputs:
        if name not in made:
            raise ModelError(f"the output {name!r} of {where} is made by nothing: {DAMAGED}")
    if not outputs:
        raise ModelError(f"{where} has no output: {DAMAGED}")


def _check_rules(model: onnx.ModelProto, where: str) -> None:
    """Let ONNX's checker look at the nodes, without the weights, however large they are; then at each function."""
    graph = model.graph
    inputs = dict.fromkeys([*(value.name for value in graph.input), *(tensor.name for tensor in graph.initializer)])
    _check_part(model, graph.node, inputs, [value.name for value in graph.output], model.opset_import, where)
    for function in model.functions:
        owner = f"the function {function.name!r} of {where}"
        _check_part(model, function.node, function.input, function.output, function.opset_import, owner)


def _check_part(
    model: onnx.ModelProto,
    nodes: Iterable[onnx.NodeProto],
    inputs: Iterable[str],
    outputs: Iterable[str],
    opsets: Iterable[onnx.OperatorSetIdProto],
    where: str,
) -> None:
    """Raise ModelError for what the checker says of `nodes` between `inputs` and `outputs`, of whatever types."""
    part = onnx.ModelProto(ir_version=model.ir_version)
    part.opset_import.extend(opsets)
    part.graph.name = "part"
    part.graph.node.extend(nodes)
    for names, values in ((inputs, part.graph.input), (outputs, part.graph.output)):
        for name in names:
            kind = values.add(name=name).type.tensor_type
            kind.elem_type = TensorProto.FLOAT
            kind.shape.SetInParent()
    try:
        onnx.checker.check_model(part)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        found = re.search(r"Name: (.*?) OpType: (\w+)", str(error))
        node = f" at the {found[2]} node {found[1]!r}" if found else ""
        raise ModelError(f"{where} breaks the rules of ONNX{node} ({first_line(error)}): {DAMAGED}") from error
