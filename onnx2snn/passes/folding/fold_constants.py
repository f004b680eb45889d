"""Folds constants: nodes that depend on constants only, and known shapes.

y = Add(Constant 1, Constant 2)   ->  initializer y = 3
s = Shape(x: float[2, 3])         ->  initializer s = [2, 3]    see `fold_shapes`
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from onnx2snn.passes.base import Work
from onnx2snn.passes.folding.fold_shapes import fold_shapes
from onnx2snn.passes.rewriting.node_builder import read_by
from onnx2snn.reference import engine
from onnx2snn.reference.guarded import infer_shapes
from onnx2snn.reference.sessions import open_session
from onnx2snn_runtime.errors import ModelError, first_line
from onnx2snn_runtime.ir.large import is_large
from onnx2snn_runtime.ir.operators import facts

MOST = 64
"""So often shapes and constants are folded in turn."""

_LIMIT = 1 << 28
"""No folded tensor is larger, in bytes, than this."""


def fold_constants(work: Work) -> int:
    """Fold with onnxruntime, keeping names, until nothing changes; shapes are inferred anew on the way."""
    total = 0
    for _ in range(MOST):
        work.model = _infer(work)
        folded = fold_shapes(work.model) + _evaluate(work.model, work.where)
        total += folded
        if not folded:
            break
    _drop_unused(work.model)
    return total


def _infer(work: Work) -> onnx.ModelProto:
    """Return the model with shapes inferred anew; exporters' own value_info can be wrong."""
    del work.model.graph.value_info[:]
    if is_large(work.model):
        return work.model
    try:
        return infer_shapes(work.model, data_prop=True)
    except (RuntimeError, ValueError, shape_inference.InferenceError):
        for value in work.model.graph.output:  # what is declared of them may be wrong, too
            value.type.tensor_type.ClearField("shape")
    try:
        return infer_shapes(work.model, data_prop=True)
    except (RuntimeError, ValueError, shape_inference.InferenceError) as error:
        raise ModelError(f"the shapes of {work.where} contradict each other: {first_line(error)}") from error


def _evaluate(model: onnx.ModelProto, where: str) -> int:
    """Evaluate the part of the graph that depends on constants alone."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    static, nodes = set(weights), []
    for node in model.graph.node:
        if _is_foldable(node) and all(name in static or not name for name in node.input):
            static.update(node.output)
            nodes.append(node)
    if not nodes:
        return 0
    ids = {id(node) for node in nodes}
    read = {name for node in model.graph.node if id(node) not in ids for name in read_by(node)}
    read |= {value.name for value in model.graph.output}
    wanted = [name for node in nodes for name in node.output if name in read]
    values = _run(model, nodes, weights, wanted, where) if wanted else {}
    if any(value.nbytes > _LIMIT for value in values.values()):
        return 0
    for node in nodes:
        model.graph.node.remove(node)
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    return len(nodes)


def _run(
    model: onnx.ModelProto,
    nodes: list[onnx.NodeProto],
    weights: dict[str, onnx.TensorProto],
    wanted: list[str],
    where: str,
) -> dict[str, np.ndarray]:
    used = {name for node in nodes for name in node.input}
    outputs = [helper.make_empty_tensor_value_info(name) for name in wanted]
    graph = helper.make_graph(nodes, "constants", [], outputs, [weights[n] for n in sorted(used & set(weights))])
    part = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        results = open_session(infer_shapes(part), plain=True).run(wanted, {})
    except engine.errors(ValueError) as error:
        raise ModelError(
            f"the constants of {where} cannot be computed: {first_line(error)}; check the model"
        ) from error
    return dict(zip(wanted, results, strict=True))


def _is_foldable(node: onnx.NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and not _is_subgraph_holder(node) and not facts(node.op_type).random


def _drop_unused(model: onnx.ModelProto) -> None:
    read = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    if any(_is_subgraph_holder(node) for node in model.graph.node):
        return
    kept = [tensor for tensor in model.graph.initializer if tensor.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _is_subgraph_holder(node: onnx.NodeProto) -> bool:
    return any(a.type == onnx.AttributeProto.GRAPH for a in node.attribute)
