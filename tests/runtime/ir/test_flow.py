"""Which part of a run every node belongs to."""

import pytest

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.flow import analyse
from tests.runtime.networks import CONTROL, MLP, proto

MIXED = """mixed (float[N, 4] x, int64[N] i) => (float[N, 4] p, int64[N] best, float[N, 4] e)
<float[5, 4] t, float[4, 4] w, float[4] b, int64[1] one = {1}>
{ e = Gather(t, i)  s = Add(x, e)  h = onnx2snn.SpikingRelu(s)  n = Shape(h)  m = Slice(n, one, one)
  a = MatMul(h, w)  g = onnx2snn.SpikingTanh(a)  o = Gemm(g, w, b)  r = Reshape(o, n)
  p = Softmax(r)  best = ArgMax<axis = 1, keepdims = 0>(p) }"""


def parts(text: str, spiking: tuple[str, ...] = ()) -> dict[str, list[str]]:
    flow = analyse(proto(text).graph, spiking)
    return {name: [node.output[0] for node in getattr(flow, name)] for name in ("prologue", "loop", "tail", "readout")}


def test_parts() -> None:
    assert parts(MIXED) == {
        "prologue": ["e", "s"],
        "loop": ["h", "a", "g"],
        "tail": ["n", "m", "o", "r"],
        "readout": ["p", "best"],
    }
    assert analyse(proto(MIXED).graph).varying == {"h", "a", "g", "o", "r", "p", "best"}


def test_spiking_inputs_make_the_front_vary() -> None:
    assert parts(MIXED, ("x",)) == {
        "prologue": ["e"],
        "loop": ["s", "h", "a", "g"],
        "tail": ["n", "m", "o", "r"],
        "readout": ["p", "best"],
    }


def test_shapes_that_lead_to_a_neuron_are_in_the_loop() -> None:
    text = """net (float[N, 4] x) => (float[N, 4] y)
    { h = onnx2snn.SpikingRelu(x)  n = Shape(h)  r = Reshape(h, n)  y = onnx2snn.SpikingTanh(r) }"""
    assert parts(text)["loop"] == ["h", "n", "r", "y"]


def test_arithmetic_behind_a_readout_is_a_readout() -> None:
    text = """net (float[N, 4] x) => (float[N, 4] y) <float[4] b>
    { h = onnx2snn.SpikingRelu(x)  a = Add(h, b)  s = Sigmoid(a)  y = Mul(s, b) }"""
    assert parts(text) == {"prologue": [], "loop": ["h"], "tail": ["a"], "readout": ["s", "y"]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("h = onnx2snn.SpikingRelu(x)  e = Exp(h)  y = onnx2snn.SpikingRelu(e)", "the Exp node 'e' is not affine"),
        ("h = onnx2snn.SpikingRelu(x)  e = Mul(h, h)  y = onnx2snn.SpikingRelu(e)", "the Mul node 'e' is not affine"),
        ("h = onnx2snn.SpikingRelu(x)  y = Relu(h)", "the Relu node 'y' behind the last neuron is no readout"),
        (
            "h = onnx2snn.SpikingRelu(x)  y = onnx2snn.SpikingClip(x, h, x)",
            "the SpikingClip node 'neuron_y' takes a spiking value as a constant",
        ),
    ],
)
def test_what_cannot_run_is_named(body: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        parts(f"net (float[N, 4] x) => (float[N, 4] y) {{ {body} }}")


def test_another_coding_may_break_what_was_control() -> None:
    assert parts(CONTROL, ("x",))["prologue"] == ["e"]
    text = MLP.replace("a = Gemm(x, w, b)", "c = Abs(x)  a = Gemm(c, w, b)")
    assert parts(text)["prologue"] == ["c", "a"]
    with pytest.raises(ModelError, match=r"the Abs node 'c' is not affine .* \(--encoder\)"):
        parts(text, ("x",))
