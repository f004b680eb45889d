"""Replaces CastLike by Cast, so that the target type does not depend on a spiking value.

c = CastLike(e, x)  [x: float]   ->  c = Cast<to = float>(e)
"""

import onnx
from onnx import helper

from onnx2snn.passes.base import Work
from onnx2snn.reference.guarded import infer_shapes


def replace_cast_like(work: Work) -> int:
    """Replace every CastLike whose type can be inferred."""
    nodes = [node for node in work.model.graph.node if node.op_type == "CastLike" and node.domain in ("", "ai.onnx")]
    types = _types(work.model) if nodes else {}
    known = [node for node in nodes if types.get(node.input[1])]
    for node in known:
        kind = types[node.input[1]]
        node.op_type = "Cast"
        del node.input[1:]
        node.attribute.append(helper.make_attribute("to", kind))
    return len(known)


def _types(model: onnx.ModelProto) -> dict[str, int]:
    inferred = infer_shapes(model) if model.ByteSize() < 1_900_000_000 else model
    graph = inferred.graph
    types = {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.input, *graph.output)}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}
