"""The check that operators which stand for several are written out as onnxruntime computes them."""

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
from onnx import shape_inference

from onnx2snn.pipeline import prepare


def run(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what onnxruntime computes with its default options."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, dict(inputs)), strict=True))


def same(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray], tolerance: float = 1e-5) -> onnx.ModelProto:
    """Return the repaired `model`, after the check that it is the same, in ONNX's own operators, every type known."""
    repaired = prepare(model).model
    assert not [node.op_type for node in repaired.graph.node if node.domain]
    shape_inference.infer_shapes(repaired, strict_mode=True)
    wanted, got = run(model, inputs), run(repaired, inputs)
    assert list(wanted) == list(got)
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
        assert got[name].dtype == value.dtype
    return repaired
