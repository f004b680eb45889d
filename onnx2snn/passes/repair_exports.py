"""Repairs what exporters get wrong; what comes out is the model that the result is compared with.

y = Erfc(x)                    ->  e = Erf(x); y = 1 - e    tf2onnx writes this operator, which ONNX does not have
value_info of wrong shapes     ->  none                     jax2onnx; shapes are inferred anew
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from onnx2snn.passes.base import Work
from onnx2snn_runtime.ir.schema import DOMAIN


def repair_exports(work: Work) -> int:
    """Rewrite `work.model`, unless it is a spiking IR already."""
    graph = work.model.graph
    if any(node.domain == DOMAIN for node in graph.node):
        return 0
    invalid = [node for node in graph.node if node.op_type in _REPAIRS and node.domain in ("", "ai.onnx")]
    types = _types(work.model) if invalid else {}
    changed = len(invalid) + len(graph.value_info)
    for node in invalid:
        new = _REPAIRS[node.op_type](node, types.get(node.input[0], np.dtype(np.float32)))
        index = next(i for i, other in enumerate(graph.node) if other is node)
        graph.node.remove(node)
        for offset, other in enumerate(new):
            graph.node.insert(index + offset, other)
    del graph.value_info[:]
    return changed


def _complement_of_erf(node: onnx.NodeProto, kind: np.dtype) -> list[onnx.NodeProto]:
    y = node.output[0]
    one = numpy_helper.from_array(np.ones((), kind), f"{y}.one")
    name = node.name or y
    return [
        helper.make_node("Constant", [], [one.name], f"{name}.one", value=one),
        helper.make_node("Erf", list(node.input), [f"{y}.erf"], f"{name}.erf"),
        helper.make_node("Sub", [one.name, f"{y}.erf"], [y], name),
    ]


_REPAIRS: dict[str, Callable[[onnx.NodeProto, np.dtype], list[onnx.NodeProto]]] = {"Erfc": _complement_of_erf}


def _types(model: onnx.ModelProto) -> dict[str, np.dtype]:
    """Return the types that can be inferred around operators that ONNX does not know."""
    graph = shape_inference.infer_shapes(model).graph
    values = [v for v in (*graph.value_info, *graph.input, *graph.output) if v.type.tensor_type.elem_type]
    return {v.name: helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type) for v in values}
