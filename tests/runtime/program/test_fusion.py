"""Faster calls of the same results: biases in matrix products, and functions of one number by their values."""

import copy
import pickle

import numpy as np
import pytest
import torch
from onnx import parser

import onnx2snn
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.interpreter import Call

GELU = "h = Div(a, r) e = Erf(h) s = Add(e, one) m = Mul(a, s) g = Mul(m, half)"
SILU = "s = Sigmoid(a) g = Mul(a, s)"
ODD = "s = Sigmoid(a) t = Mul(s, s) g = Mul(a, t)"


def network(body: str):
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
    net (float[N, 4] x) => (float[N, 3] y)
    <{WEIGHTS} float r = {{1.4142135}}, float one = {{1}}, float half = {{0.5}}>
    {{ p = MatMul(x, w) a = Add(b, p) {body} q = MatMul(g, v) y = Add(q, c) }}"""
    model = parser.parse_model(text)
    x = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    return onnx2snn.convert(model, x, adapt=False), x


def numbers(count: int) -> str:
    return ", ".join(f"{value:.4f}" for value in np.random.default_rng(count).standard_normal(count))


WEIGHTS = (
    f"float[4, 5] w = {{{numbers(20)}}}, float[5] b = {{{numbers(5)}}}, "
    f"float[5, 3] v = {{{numbers(15)}}}, float[3] c = {{{numbers(3)}}},"
)


@pytest.mark.parametrize(("body", "name"), [(GELU, "Gelu"), (SILU, "Swish")])
def test_a_known_function_is_one_call_with_the_same_values(body, name):
    snn, x = network(body)
    (population,) = snn.program.populations
    assert [call.op_type for call in population.body] == [name]
    whole = snn.double()(x.astype(np.float64).astype(np.float32), timesteps=40, dynamics_options={"levels": 40})
    np.testing.assert_allclose(whole, plain(snn, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("body", [GELU, SILU])
def test_copies_compute_the_same(body):
    snn, x = network(body)
    expected = snn(x)
    for twin in (copy.deepcopy(snn), pickle.loads(pickle.dumps(snn))):
        np.testing.assert_array_equal(twin(x), expected)


def test_an_unknown_function_stays_as_it_is():
    snn, x = network(ODD)
    assert len(snn.program.populations[0].body) == 3
    np.testing.assert_allclose(snn(x, timesteps=12), plain(snn, x), rtol=1e-2, atol=1e-2)


def test_a_function_that_is_no_number_is_none_that_is_known():
    nan = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17, "onnx2snn" : 1]>
        net (float[N, 4] x) => (float[N, 4] y) { y = onnx2snn.SpikingNothing<sources = 1>(x) }
        <domain: "onnx2snn", opset_import: ["" : 17]> SpikingNothing (x) => (y) { a = Sub(x, x)  y = Div(a, a) }"""
    )
    snn = SpikingModel(nan)
    assert [call.op_type for call in snn.program.populations[0].body] == ["Sub", "Div"]


def test_a_bias_is_added_by_its_product():
    snn, x = network(SILU)
    products = [item for item in (*snn.program.loop, *snn.program.tail) if isinstance(item, Call)]
    assert [item.op_type for item in products if item.op_type in ("Gemm", "Add", "MatMul")] == ["Gemm"]
    step, event = (snn.double()(x, timesteps=5, executor=name) for name in ("step", "event"))
    np.testing.assert_allclose(step, event, rtol=0, atol=1e-9)
    assert torch.get_default_dtype() == torch.float32


def plain(snn, x):
    from onnx2snn.reference.ann import run_ann

    return run_ann(snn.proto, {"x": x}, 8)["y"]
