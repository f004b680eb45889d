"""With `--neurons elementwise` every neuron is a scalar function of one or two operands, and the network the same."""

import numpy as np
import pytest

from onnx2snn.conversion import convert
from onnx2snn.passes.base import run_passes
from onnx2snn.pipeline import BACK, ELEMENTWISE
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ir.operators import operators_with
from onnx2snn_runtime.ir.schema import read_neuron
from tests.onnx2snn.passes.graphs import front, model_of, neurons

ROWS = "(float[N,4,8] x) => (float[N,4,A] y)"
MAP = "(float[N,8,4,4] x) => (float[N,8,4,4] y)"
KERNEL = "float[8,8,1,1] k = {" + ",".join(str((i * i) % 7 / 7 - 0.4) for i in range(64)) + "}"
L = "int64[1] l = {-1}"

LAYERS = {
    "Softmax": ("<float s = {3}> m = Mul(h, s) z = Softmax(m) y = MatMul(z, w)", ROWS, 18),
    "Softmax along an axis inside": ("z = Softmax<axis=1>(h) y = MatMul(z, w)", ROWS, 18),
    "LogSoftmax": ("z = LogSoftmax(h) y = MatMul(z, w)", ROWS, 18),
    "LayerNormalization": ("z = LayerNormalization(h, g, g) y = MatMul(z, w)", ROWS, 18),
    "LayerNormalization of opset 17": ("z = LayerNormalization(h, g) y = MatMul(z, w)", ROWS, 17),
    "RMSNormalization": ("z = RMSNormalization(h, g) y = MatMul(z, w)", ROWS, 23),
    "LpNormalization": ("z = LpNormalization(h) y = MatMul(z, w)", ROWS, 18),
    "LpNormalization 1": ("z = LpNormalization<p=1>(h) y = MatMul(z, w)", ROWS, 18),
    "LpNormalization of zeros": ("<float c = {9}> d = Sub(h, c) r = Relu(d) z = LpNormalization(r) y = MatMul(z, w)",
                                 ROWS, 18),
    "LpNormalization 1 of zeros": ("<float c = {9}> d = Sub(h, c) r = Relu(d) z = LpNormalization<p=1>(r) "
                                   "y = MatMul(z, w)", ROWS, 18),
    "MatMul": ("t = Transpose<perm=[0,2,1]>(h) y = MatMul(h, t)", ROWS, 18),
    "Max of three": ("<float o = {0}> b = Neg(h) c = Sin(h) z = Max(h, b, c) y = MatMul(z, w)", ROWS, 18),
    "ReduceMax": (f"<{L}> z = ReduceMax<keepdims=1>(h, l) y = Mul(z, g)", ROWS, 18),
    "ReduceMin of opset 13": ("z = ReduceMin<axes=[1]>(h) y = Mul(z, g)", "(float[N,4,8] x) => (float[N,1,8] y)", 13),
    "ReduceL1": (f"<{L}> z = ReduceL1(h, l) y = Mul(z, g)", ROWS, 18),
    "ReduceL2": (f"<{L}> z = ReduceL2(h, l) y = Mul(z, g)", ROWS, 18),
    "ReduceSumSquare": (f"<{L}> z = ReduceSumSquare(h, l) y = Mul(z, g)", ROWS, 18),
    "ReduceLogSum": (f"<{L}> a = Exp(h) z = ReduceLogSum(a, l) y = Mul(z, g)", ROWS, 18),
    "ReduceLogSumExp": (f"<{L}> z = ReduceLogSumExp(h, l) y = Mul(z, g)", ROWS, 18),
    "ReduceL2, squeezed": ("<int64[2] b = {1,2}> z = ReduceL2<keepdims=0>(h, b) u = Unsqueeze(z, b) y = Mul(u, g)",
                           "(float[N,4,8] x) => (float[N,1,8] y)", 18),
    "ReduceSumSquare along none": ("z = ReduceSumSquare<noop_with_empty_axes=1>(h) y = MatMul(z, w)", ROWS, 18),
    "ReduceMax along none": ("a = Relu(h) z = ReduceMax<noop_with_empty_axes=1>(a) y = MatMul(z, w)", ROWS, 18),
    "InstanceNormalization": (f"<{KERNEL}> c = Conv(x, k) z = InstanceNormalization(c, g, g) y = Conv(z, k)", MAP, 18),
    "GroupNormalization": (f"<{KERNEL}> c = Conv(x, k) z = GroupNormalization<num_groups=4>(c, g, g) y = Conv(z, k)",
                           MAP, 21),
    "MeanVarianceNormalization": (f"<{KERNEL}> c = Conv(x, k) z = MeanVarianceNormalization<axes=[2,3]>(c) "
                                  "y = Conv(z, k)", MAP, 18),
    "MaxPool": (f"<{KERNEL}> c = Conv(x, k) y = MaxPool<kernel_shape=[3,3], pads=[1,1,1,1]>(c)", MAP, 18),
}  # fmt: skip


def text_of(body: str, signature: str) -> str:
    """Return `body` behind a linear layer, where it has none of its own."""
    if signature == MAP:
        return body
    consts, rest = body.split(">", 1) if body.startswith("<") else ("<", body)
    return f"{consts}> h0 = MatMul(x, w) h = Add(h0, g) {rest}"


@pytest.mark.parametrize(("body", "signature", "opset"), LAYERS.values(), ids=LAYERS)
def test_neurons_are_scalar_functions_and_compute_the_same(body, signature, opset):
    model = model_of(text_of(body, signature), opset, signature)
    work = front(model, "elementwise")
    run_passes(BACK, work)
    assert not work.warnings
    for node in work.model.graph.node:
        if node.domain == "onnx2snn":
            assert read_neuron(node).sources <= 2
    bodies = {node.op_type for function in work.model.functions for node in function.node}
    assert bodies <= operators_with("elementwise")
    shape = [6, *(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[1:])]
    inputs = {"x": np.random.default_rng(0).normal(size=shape).astype(np.float32)}
    wanted, got = run_ann(model, inputs, 6)["y"], run_ann(work.model, inputs, 6)["y"]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["Softmax", "LayerNormalization", "MatMul", "ReduceLogSumExp"])
def test_the_spiking_network_answers_alike(name):
    body, signature, opset = LAYERS[name]
    model = model_of(text_of(body, signature), opset, signature)
    x = np.random.default_rng(0).normal(size=(32, 4, 8)).astype(np.float32)
    snn = convert(model, x, neurons="elementwise", adapt=False)
    expected = run_ann(model, {"x": x}, 32)["y"]
    got = np.asarray(snn(x, timesteps=12))
    assert np.linalg.norm(got - expected) < 0.01 * np.linalg.norm(expected)


def test_every_pass_changes_nothing_the_second_time():
    for body, signature, opset in LAYERS.values():
        work = front(model_of(text_of(body, signature), opset, signature), "elementwise")
        assert [rewrite(work) for rewrite in ELEMENTWISE] == [0] * len(ELEMENTWISE)


def test_a_softmax_is_a_tree_of_maxima_an_exponential_and_a_quotient():
    body, signature, _ = LAYERS["Softmax"]
    made = neurons(text_of(body, signature), "elementwise", signature=signature)
    assert made == [("Max", 2)] * 3 + [("Exp", 1), ("Div", 2)]


def test_a_softmax_of_unknown_size_is_measured_from_its_mean():
    signature = "(float[N,S,8] x) => (float[N,S,S] y)"
    text = "h = MatMul(x, w) t = Transpose<perm=[0,2,1]>(x) s = MatMul(h, t) p = Softmax(s) y = MatMul(p, p)"
    made = neurons(text, "elementwise", signature=signature)
    assert ("Exp", 1) in made
    assert ("Max", 2) not in made


def test_what_stays_whole_is_said():
    work = front(
        model_of(
            "<int64[1] k = {2}> h = MatMul(x, w) v, i = TopK(h, k) y = Relu(v)",
            signature="(float[N,8] x) => (float[N,2] y)",
        ),
        "elementwise",
    )
    run_passes(BACK, work)
    assert work.warnings == ["TopK stayed whole: these neurons are no scalar functions"]


REFUSED = {
    "an input of unknown rank": (
        "r = Reshape(x, at) h = MatMul(r, w) z = Softmax(h) y = Identity(z) q = Relu(z)",
        "(float[N,8] x, int64[K] at) => (float[M,8] y, float[M,8] q)",
    ),
    "because the size of its axis 1 is not known": (
        "<int64[1] l = {1}> h = MatMul(x, w) z = ReduceMax(h, l) y = Relu(z)",
        "(float[N,S,8] x) => (float[N,1,8] y)",
    ),
    "because its input's size is not known": (
        f"<{KERNEL}> c = Conv(x, k) y = MaxPool<kernel_shape=[2,2]>(c)",
        "(float[N,8,A,B] x) => (float[N,8,C,D] y)",
    ),
    "axes that are no constant": (
        "h = MatMul(x, w) z = ReduceMax(h, at) y = Relu(z)",
        "(float[N,8] x, int64[1] at) => (float[N,8] y)",
    ),
    "of unknown rank, or of one axis": (
        "h = MatMul(x, w) f = ReduceMax(h) r = Reshape(h, at) z = MatMul(r, h) y = Relu(z)",
        "(float[N,8] x, int64[K] at) => (float[M,8] y)",
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_has_no_known_size_is_refused(message):
    body, signature = REFUSED[message]
    with pytest.raises(UnsupportedError, match=message):
        neurons(body, "elementwise", signature=signature)
