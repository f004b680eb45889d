"""Turns bfloat16 into float32, which holds every such number: onnxruntime computes with no bfloat16 on a CPU.

y = MatMul(x: bfloat16, w: bfloat16)   ->  y = MatMul(x: float, w: float)
y = Cast(x, to = bfloat16)             ->  y = Cast(x, to = float)
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.passes.base import Work

_BRAIN, _FLOAT = onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT


def widen_bfloat16(work: Work) -> int:
    """Rewrite weights, constants, casts, inputs and outputs of `work.model`, subgraphs and functions included."""
    changed = _graph(work.model.graph) + sum(_nodes(function.node) for function in work.model.functions)
    if changed:
        work.warnings.append("the model computes in bfloat16; it was converted in float32, which holds its weights")
    return changed


def _graph(graph: onnx.GraphProto) -> int:
    changed = sum(_tensor(tensor) for tensor in graph.initializer) + _nodes(graph.node)
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type == _BRAIN:
            value.type.tensor_type.elem_type = _FLOAT
            changed += 1
    return changed


def _nodes(nodes: Iterable[onnx.NodeProto]) -> int:
    changed = 0
    for node in nodes:
        for attribute in node.attribute:
            if attribute.name in ("to", "dtype", "output_dtype") and attribute.i == _BRAIN:
                attribute.i = _FLOAT
                changed += 1
            changed += _tensor(attribute.t) if attribute.HasField("t") else 0
            changed += _graph(attribute.g) if attribute.HasField("g") else 0
    return changed


def _tensor(tensor: onnx.TensorProto) -> int:
    if tensor.data_type != _BRAIN:
        return 0
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    return 1
