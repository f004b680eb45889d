"""Repairs errors of exporters; the repaired model is the reference that the result is compared with.

y = Erfc(x)                    ->  e = Erf(x); y = 1 - e    tf2onnx writes this operator, which ONNX does not have
value_info of wrong shapes     ->  none                     jax2onnx; shapes are inferred anew
outputs of wrong shapes        ->  those inferred           skl2onnx; PyTorch where the inputs alone are free
lists of no entries            ->  none, see `empty_lists`
dimensions of -1 or 0          ->  free ones                Caffe2, Paddle and converters of one's own
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.repairs.empty_lists import drop_empty_lists
from onnx2snn.reference.guarded import infer_shapes
from onnx2snn_runtime.ir.large import is_large
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
    changed += sum(_free_negative(value) for value in (*graph.input, *graph.output))
    changed += drop_empty_lists(work)
    return changed + _repair_outputs(work.model)


def _free_negative(value: onnx.ValueInfoProto) -> int:
    """Clear the dimensions of `value` that are below 1, by which free ones are meant; return their number."""
    wrong = [d for d in value.type.tensor_type.shape.dim if d.HasField("dim_value") and d.dim_value < 1]
    for dimension in wrong:
        dimension.Clear()
    return len(wrong)


def _repair_outputs(model: onnx.ModelProto) -> int:
    """Correct the declared shapes of outputs where they contradict the graph, or fix what is free in it."""
    if is_large(model):
        return 0
    freed = onnx.ModelProto()
    freed.CopyFrom(model)
    for value in freed.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = {value.name: value for value in infer_shapes(freed, data_prop=True).graph.output}
    changed = 0
    for value in model.graph.output:
        other = inferred[value.name].type.tensor_type
        if other.HasField("shape") and _contradict(value.type.tensor_type.shape, other.shape):
            value.type.tensor_type.shape.CopyFrom(other.shape)
            changed += 1
    return changed


def _contradict(declared: onnx.TensorShapeProto, inferred: onnx.TensorShapeProto) -> bool:
    if len(declared.dim) != len(inferred.dim):
        return True
    pairs = zip(declared.dim, inferred.dim, strict=True)
    return any(a.dim_value and (b.dim_param or b.dim_value) and a.dim_value != b.dim_value for a, b in pairs)


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
    graph = infer_shapes(model).graph
    values = [v for v in (*graph.value_info, *graph.input, *graph.output) if v.type.tensor_type.elem_type]
    return {v.name: helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type) for v in values}
