"""onnxruntime as the oracle: a model in ONNX text, run by it and by the handlers, has to give the same."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from tests.runtime.ops.backend import Backend

_DOMAINS = {"com.microsoft": 1, "ai.onnx.ml": 3}


def one_node(
    op: str, inputs: list[np.ndarray | None], outputs: int = 1, opset: int = 18, domain: str = "", **attributes: Any
):
    """Return a model of one node whose inputs have the shapes and types of the arrays; None leaves an input out."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(inputs)]
    node = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], domain=domain, **attributes)
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in zip(names, inputs, strict=True)
        if x is not None
    ]
    results = [onnx.ValueInfoProto(name=f"y{i}") for i in range(outputs)]
    graph = helper.make_graph([node], "one", values, results)
    imports = [helper.make_opsetid("", opset)]
    if domain:
        imports.append(helper.make_opsetid(domain, _DOMAINS[domain]))
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def run_onnxruntime(model: onnx.ModelProto, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs of a model by onnxruntime without optimizations."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: x for i, x in zip(session.get_inputs(), inputs, strict=True)})


def agree(
    op: str,
    *inputs: np.ndarray | None,
    outputs: int = 1,
    opset: int = 18,
    domain: str = "",
    rtol: float = 1e-4,
    atol: float = 1e-5,
    **attributes: Any,
) -> None:
    """Raise AssertionError where the handler and onnxruntime differ on one node."""
    arrays = [x if x is None else np.asarray(x) for x in inputs]
    model = one_node(op, arrays, outputs, opset, domain, **attributes)
    given = [x for x in arrays if x is not None]
    before = [x.copy() for x in given]
    expected = run_onnxruntime(model, given)
    actual = Backend(model).run(given)
    for want, have in zip(expected, actual, strict=False):
        want = np.asarray(want)
        assert have.dtype == want.dtype
        assert have.shape == want.shape
        np.testing.assert_allclose(have, want, rtol=rtol, atol=atol)
    for kept, x in zip(before, given, strict=True):
        np.testing.assert_array_equal(kept, x)


def floats(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Return normal numbers of a shape as float32."""
    return np.asarray(np.random.default_rng(seed).standard_normal(shape) * scale, np.float32)


def ints(*values: int) -> np.ndarray:
    """Return the values as int64."""
    return np.array(values, np.int64)
