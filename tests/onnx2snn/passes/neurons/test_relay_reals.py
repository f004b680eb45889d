"""Where real numbers would meet integer weights a neuron sends them on: every product is one of integers."""

import re

import pytest

import onnx2snn
from onnx2snn.evaluation.integers import integer_report
from tests.onnx2snn.front_end import floats, network
from tests.onnx2snn.passes.neurons.test_relay_currents import BOTTLENECK, WEIGHTS

X = floats(24, 2, 6, 6, seed=7)
CASES = {
    "bottlenecks": (BOTTLENECK, 2),
    "a mean of 36": ("a = Conv(x, k)  h = Relu(a)  m = GlobalAveragePool(h)  f = Flatten(m)  y = MatMul(f, u)", 1),
    "a mean of 4": (
        """a = Conv(x, k)  h = Relu(a)  m = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(h)
        j = Conv(m, l)  t = Tanh(j)  s = ReduceSum<keepdims = 0>(t, axes)  y = MatMul(s, q)""", 0),
    "a third": ("a = Conv(x, k)  h = Relu(a)  m = Mul(h, third)  j = Conv(m, l)  g = Tanh(j)  y = Flatten(g)", 1),
    "a half": ("a = Conv(x, k)  h = Relu(a)  n = Neg(h)  m = Mul(n, half)  j = Conv(m, l)  y = Flatten(j)", 0),
    "a mean at the border": (
        """a = Conv(x, k)  h = Relu(a)  m = AveragePool<kernel_shape = [2, 2], pads = [1, 1, 0, 0],
        strides = [2, 2], count_include_pad = 0>(h)  j = Conv(m, l)  y = Flatten(j)""", 0),
    "a mean of 9 and less": (
        """a = Conv(x, k)  h = Relu(a)  m = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(h)
        j = Conv(m, l)  y = Flatten(j)""", 1),
}  # fmt: skip
HELD = WEIGHTS | {"u": floats(6, 3), "q": floats(2, 3), "third": floats(1) * 0 + 1 / 3, "half": floats(1) * 0 + 0.5}


@pytest.mark.parametrize("name", CASES)
def test_every_product_is_one_of_integers(name: str) -> None:
    body, relays = CASES[name]
    weights = {key: value for key, value in HELD.items() if re.search(rf"[,(] ?{key}\)", body)}
    if "axes" in body:
        body = "axes = Constant<value = int64[2] {2, 3}>()  " + body
    snn = onnx2snn.convert(
        network(body, "float[N, 2, 6, 6] x", "float[N, M] y", **weights), X, weights="int8", adapt=False
    )
    assert sum(p.op_type == "SpikingIdentity" for p in snn.program.populations) == relays
    report = integer_report(snn, X[:4], 6)
    assert report.integer, [(s.name, s.why) for s in report.synapses if not s.integer]


def test_attention_keeps_its_neurons() -> None:
    """A product of two activations is a neuron's own: no relay stands before it."""
    body = """q = MatMul(x, w)  k = MatMul(x, v)  a = Tanh(q)  e = MatMul(a, w)  t = Transpose<perm = [0, 2, 1]>(k)
      p = MatMul(e, t)  s = Softmax<axis = -1>(p)  y = MatMul(s, r)"""
    weights = {"w": floats(4, 4), "v": floats(4, 4, seed=1), "r": floats(5, 3, seed=2)}
    model = network(body, "float[N, 5, 4] x", "float[N, 5, 3] y", **weights)
    snn = onnx2snn.convert(model, floats(16, 5, 4, seed=3), weights="int8", adapt=False)
    assert not [p for p in snn.program.populations if p.op_type == "SpikingIdentity"]
