"""Whether float32 suffices for a graph: ONNX's own reference in float64 beside onnxruntime's float32."""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from tests.fuzz.graphs import Case, run

_NARROW = (TensorProto.FLOAT, TensorProto.FLOAT16)


def moves(case: Case) -> float:
    """Return how far the outputs move (relative) in float64, or where their inputs move by the last bits of float32."""
    draw = np.random.default_rng(0)
    largest = _in_double(case)
    for _ in range(2):
        near = {
            name: (v * (1 + 1e-6 * draw.standard_normal(v.shape))).astype(v.dtype) if v.dtype.kind == "f" else v
            for name, v in case.inputs.items()
        }
        largest = max(largest, _gap(case, run(case.model, near)))
    return largest


def _gap(case: Case, outputs: dict[str, np.ndarray]) -> float:
    largest = 0.0
    for name, value in case.expected.items():
        a, b = value.astype(np.float64), np.asarray(outputs[name], np.float64)
        norm = np.linalg.norm(a)
        largest = max(largest, float(np.linalg.norm(a - b) / norm) if norm else 0.0)
    return largest


def _in_double(case: Case) -> float:
    wide = onnx.ModelProto()
    wide.CopyFrom(case.model)
    for tensor in wide.graph.initializer:
        if tensor.data_type in _NARROW:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for value in (*wide.graph.input, *wide.graph.output):
        if value.type.tensor_type.elem_type in _NARROW:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in wide.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i in _NARROW:
                attribute.i = TensorProto.DOUBLE
    inputs = {n: v.astype(np.float64) if v.dtype.kind == "f" else v for n, v in case.inputs.items()}
    try:
        evaluator = ReferenceEvaluator(wide)
        outputs = dict(zip(evaluator.output_names, evaluator.run(None, inputs), strict=True))
        return _gap(case, {name: np.asarray(value) for name, value in outputs.items()})
    except Exception:  # noqa: BLE001 - the reference has gaps of its own, in any form: the other figure decides
        return 0.0
