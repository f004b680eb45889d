"""Answers are computed exactly wherever they lead to outputs, whether or not an inner value reads them as well."""

import numpy as np
import pytest

from tests.onnx2snn.front_end import X, converts, floats, network

BODY = "a = Gemm(x, w, b) h = Relu(a) "
GIVEN = {
    "k3": np.int64([3]), "first": np.int64([1]), "half": np.float32(0.5), "most": np.float32(0.7), "two": np.int64(2),
    "names": np.arange(10, 18), "depth": np.int64(8), "hot": np.float32([0, 1]), "v": floats(3, 3), "g": floats(8),
    "kernel": floats(2, 1, 2, 2), "index": np.int64(1),
}  # fmt: skip
OUTSIDE = [
    ("n = Greater(h, half) i = Cast<to = 7>(n) y = ReduceSum<keepdims = 0>(i, first)", "int64[N] y"),
    ("n = Greater(h, half) i = Cast<to = 6>(n) s = CumSum(i, index) y = Mul(s, i)", "int32[N, 8] y"),
    (
        "n = Greater(h, half) i = Cast<to = 6>(n) m = ReduceMax<axes = [1], keepdims = 0>(i) y = Cast<to = 9>(m)",
        "bool[N] y",
    ),
    ("q, i = TopK(h, k3) m = Mod(i, two) d = Div(i, two) y = Add(m, d)", "int64[N, 3] y"),
    (
        "s = Gemm(h, u) p = Softmax(s) q, i = TopK(p, first) y = GatherElements<axis = 1>(s, i)",
        "float[N, 1] y, int64[N, 1] i",
    ),
    ("s = Gemm(h, u) y = IsNaN(s)", "bool[N, 3] y"),
    ("s = Gemm(h, u) y = IsInf<detect_negative = 0>(s)", "bool[N, 3] y"),
    ("s = Gemm(h, u) m = Greater(s, half) l = Less(s, most) y = Xor(m, l)", "bool[N, 3] y"),
    ("s = Gemm(h, u) m = IsNaN(s) l = IsInf(s) o = Or(m, l) y = Where(o, half, s)", "float[N, 3] y"),
    ("s = Gemm(h, u) p = Softmax(s) y = Clip(p, half, most)", "float[N, 3] y"),
]
INSIDE = [
    ("""i = ArgMax<axis = 1, keepdims = 0>(h) o = OneHot(i, depth, hot) m = Mul(o, h)
        y = Gemm(m, u)""", "int64[N] i, float[N, 3] y"),
    ("""i = ArgMax<axis = 1, keepdims = 0>(h) l = Gather(names, i) f = Cast<to = 1>(l) e = Unsqueeze(f, first)
        m = Mul(e, h) y = Gemm(m, u)""", "int64[N] l, float[N, 3] y"),
    ("""n = Greater(h, half) i = Cast<to = 7>(n) s = ReduceSum(i, first) f = Cast<to = 1>(s) m = Mul(h, f)
        y = Gemm(m, u)""", "float[N, 3] y, int64[N, 1] s"),
    ("q, i = TopK(h, k3) r = Tanh(q) y = MatMul(r, v)", "int64[N, 3] i, float[N, 3] q, float[N, 3] y"),
    ("n = Greater(h, half) m = Where(n, h, half) y = Gemm(m, u)", "bool[N, 8] n, float[N, 3] y"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "outputs"), OUTSIDE)
def test_at_the_end(body: str, outputs: str) -> None:
    converts(network(BODY + body, y=outputs, **GIVEN), neurons={"SpikingRelu": 1})


@pytest.mark.parametrize(("body", "outputs"), INSIDE)
def test_that_an_inner_value_reads_too(body: str, outputs: str) -> None:
    snn = converts(network(BODY + body, y=outputs, **GIVEN))
    assert len(snn.population_names()) == 2


def test_places_of_the_maximum_of_a_pool() -> None:
    body = (
        """a = Conv(x, kernel) p, i = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(a) r = Tanh(p) y = Flatten(r)"""
    )
    model = network(body, "float[N, 1, 5, 5] x", "float[N, M] y, int64[N, 2, 2, 2] i", **GIVEN)
    converts(model, floats(8, 1, 5, 5), neurons={"SpikingRegion1": 1})  # places count on over the samples of a batch


def test_two_results_of_floats_are_two_neurons() -> None:
    body = "l, m = LayerNormalization(h, g) y = Gemm(l, u)"
    snn = converts(network(BODY + body, y="float[N, 3] y, float[N, 1] m", **GIVEN))
    assert len(snn.population_names()) == 3


def test_maxima_of_two_results_stay_neurons() -> None:
    body = "s = Gemm(h, u) p = Softmax(s) q = Sigmoid(s) y = Max(p, q)"
    assert len(converts(network(BODY + body)).population_names()) == 2


def test_integers_stay_exact_for_any_number_of_samples() -> None:
    snn = converts(network(BODY + OUTSIDE[0][0], y=OUTSIDE[0][1], **GIVEN))
    np.testing.assert_array_equal(snn(X, timesteps=8, batch_size=5), snn(X, timesteps=8))
