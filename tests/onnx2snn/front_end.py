"""What the tests of the front end share: small networks in ONNX text, and the check that they convert."""

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper, parser

import onnx2snn
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.model import SpikingModel


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


WEIGHTS = {"w": floats(4, 8), "b": floats(8, seed=1), "u": floats(8, 3, seed=2), "c": floats(3, seed=3)}
X = floats(32, 4, seed=4)


def network(
    body: str,
    x: str = "float[N, 4] x",
    y: str = "float[N, 3] y",
    *,
    ir: int = 8,
    opset: str = '"" : 17',
    **more: object,
) -> onnx.ModelProto:
    """Return the network with the nodes `body`; of the weights w, b, u, c and `more` it gets those that it names."""
    model = parser.parse_model(f"<ir_version: {ir}, opset_import: [{opset}]> net ({x}) => ({y}) {{ {body} }}")
    read = {name for node in model.graph.node for name in node.input}
    for name, value in {**WEIGHTS, **more}.items():
        if name in read:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return model


def by_default(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what onnxruntime computes with its default options, which allow it to compute in integers."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, dict(inputs)), strict=True))


def converts(
    model: onnx.ModelProto, x: np.ndarray | Mapping[str, np.ndarray] = X, neurons: Mapping[str, int] | None = None
) -> SpikingModel:
    """Convert, and check that the IR computes what the model does and that the spiking network comes near it."""
    snn = onnx2snn.convert(model, x)
    inputs = dict(x) if isinstance(x, Mapping) else {model.graph.input[0].name: x}
    fixed = max(value.type.tensor_type.shape.dim[0].dim_value for value in model.graph.input)
    wanted = run_ann(model, inputs, 8, [v.name for v in snn.proto.graph.output], fixed=fixed)
    got = run_ann(snn.proto, inputs, 8, fixed=snn.defaults.batch)
    plain = inputs if snn.defaults.batch else by_default(snn.proto, inputs)
    spiking = snn(inputs, timesteps=8)
    for name, value in wanted.items():
        answer = spiking[name] if isinstance(spiking, dict) else spiking
        assert got[name].dtype == value.dtype
        if value.dtype.kind != "f":
            np.testing.assert_array_equal(got[name], value)
            continue
        tolerance = 5e-3 if value.dtype == np.float16 else 1e-4
        np.testing.assert_allclose(got[name], value, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(plain.get(name, value), value, rtol=tolerance, atol=tolerance)
        assert np.linalg.norm(answer - value) <= 0.02 * np.linalg.norm(value)
    if neurons is not None:
        assert snn.conversion is not None
        assert snn.conversion.neurons_by_kind == dict(neurons), snn.conversion.neurons_by_kind
    return snn
