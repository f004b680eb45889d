"""Weights that are no numbers are refused by name, where they matter."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import onnx2snn
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.passes.rewriting import model

X = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32)
NET = "net (float[N, 4] x) => (float[N, 3] y) <float[4, 4] w, float[4] b, float[4, 3] v> {{ {} }}"
DENSE = "h = Gemm(x, w, b)  r = Relu(h)  y = MatMul(r, v)"


def convert(body: str, values: float, name: str = "w") -> onnx2snn.SpikingModel:
    net = model(NET.format(body))
    for tensor in net.graph.initializer:
        if tensor.name == name:
            array = numpy_helper.to_array(tensor).copy()
            array.reshape(-1)[1] = values
            tensor.CopyFrom(numpy_helper.from_array(array, name))
    return onnx2snn.convert(net, calibration=X, adapt=False)


@pytest.mark.parametrize("name", ["w", "b", "v"])
def test_nan_is_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError, match=rf"the weight '{name}' of the model holds NaN \(1 of \d+ numbers\): train or"):
        convert(DENSE, np.nan, name)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize(
    ("body", "name"),
    [
        (DENSE, "w"),
        (DENSE, "b"),
        ("t = Transpose(w)  h = Gemm<transB = 1>(x, t)  r = Relu(h)  y = MatMul(r, v)", "w"),
        ("a = MatMul(x, w)  h = PRelu(a, b)  y = MatMul(h, v)", "b"),
        ("a = MatMul(x, w)  h = LayerNormalization(a, b)  y = MatMul(h, v)", "b"),
    ],
)
def test_an_infinity_is_refused_where_it_is_multiplied_by(body: str, name: str, value: float) -> None:
    with pytest.raises(ModelError, match=rf"the weight '{name}' of the model, which the \w+ node '[ah]' multiplies by"):
        convert(body, value, name)


@pytest.mark.parametrize(
    "body",
    [
        "h = MatMul(x, w)  m = Add(h, b)  s = Softmax(m)  y = MatMul(s, v)",  # an additive mask
        "h = MatMul(x, w)  c = Clip(h, low, high)  r = Relu(c)  y = MatMul(r, v)",
        "h = MatMul(x, w)  p = Pad(h, pads, low)  r = Relu(p)  y = MatMul(r, v)",
    ],
)
def test_an_infinity_is_legal_elsewhere(body: str) -> None:
    more = "float low = {0}, float high = {0}, int64[4] pads = {0, 0, 0, 0}"
    net = model(NET.format(body).replace("> {", f", {more}> {{"))
    for tensor in net.graph.initializer:
        low = np.full(tensor.dims, -np.inf, np.float32)
        if tensor.name in ("low", "high") or (tensor.name == "b" and "Softmax" in body):
            low = -low if tensor.name == "high" else low
            low.reshape(-1)[1:] = 0
            tensor.CopyFrom(numpy_helper.from_array(low, tensor.name))
    assert np.isfinite(onnx2snn.convert(net, calibration=X, adapt=False)(X)).all()


def test_what_constants_come_to_counts_too() -> None:
    with pytest.raises(ModelError, match=r"the weight 'q' of the model holds NaN"):
        convert("z = Sub(w, w)  q = Div(z, z)  h = MatMul(x, q)  r = Relu(h)  y = MatMul(r, v)", 1.0)


def test_a_negative_variance_is_refused() -> None:
    body = "h = MatMul(x, w)  n = BatchNormalization(h, b, b, b, u)  r = Relu(n)  y = MatMul(r, v)"
    net = model(NET.replace("float[4] b,", "float[4] b, float[4] u = {{1, 1, -1, 1}},").format(body))
    with pytest.raises(ModelError, match=r"the variance 'u' of the BatchNormalization node .* is negative"):
        onnx2snn.convert(net, calibration=X)


def test_attributes_count_too() -> None:
    net = model(NET.format("h = MatMul(x, w)  r = Elu(h)  y = MatMul(r, v)"))
    net.graph.node[1].name = "act"
    net.graph.node[1].attribute.append(onnx.helper.make_attribute("alpha", float("nan")))
    with pytest.raises(ModelError, match="the attribute 'alpha' of the Elu node 'act' in the model holds NaN"):
        onnx2snn.convert(net, calibration=X)
