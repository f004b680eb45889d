"""The check that operators which stand for several are written out as onnxruntime computes them."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import shape_inference

from onnx2snn.pipeline import prepare
from tests.onnx2snn.front_end import by_default


def same(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray], tolerance: float = 1e-5) -> onnx.ModelProto:
    """Return the repaired `model`, after the check that it is the same, in ONNX's own operators, every type known."""
    repaired = prepare(model).model
    assert not [node.op_type for node in repaired.graph.node if node.domain]
    shape_inference.infer_shapes(repaired, strict_mode=True)
    wanted, got = by_default(model, inputs), by_default(repaired, inputs)
    assert list(wanted) == list(got)
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
        assert got[name].dtype == value.dtype
    return repaired
