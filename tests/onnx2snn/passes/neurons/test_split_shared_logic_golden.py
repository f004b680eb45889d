"""Every consumer has its own copy of what a neuron cannot send: before and after."""

from onnx2snn.passes.neurons.split_shared_logic import split_shared_logic
from tests.onnx2snn.passes.rewriting import lines, model, rewrite, same_results

HEAD = "net (float[N, 4] x) => (float[N, 4] y, float[N, 4] z) <float[4, 4] w, float zero = {0}>"


def test_before_and_after() -> None:
    before = model(
        f"{HEAD} {{ h = MatMul(x, w)  m = Greater(h, zero)  a = Where(m, h, zero)  b = Where(m, zero, h)\n"
        "y = Exp(a)  z = Tanh(b) }"
    )
    after, sites = rewrite(before, split_shared_logic, split_shared_logic)
    assert sites == [1, 0]
    assert lines(after) == [
        "h = MatMul(x, w[4, 4])",
        "m_copy = Greater(h, 0.0)",
        "m = Greater(h, 0.0)",
        "a = Where(m, h, 0.0)",
        "b = Where(m_copy, 0.0, h)",
        "y = Exp(a)",
        "z = Tanh(b)",
    ]
    same_results(before, after)


def test_chains_are_copied_whole() -> None:
    before = model(
        f"{HEAD} {{ h = MatMul(x, w)  m = Greater(h, zero)  n = Not(m)  a = Where(n, h, zero)  b = Where(n, zero, h)\n"
        "y = Exp(a)  z = Tanh(b) }"
    )
    after, sites = rewrite(before, split_shared_logic, split_shared_logic)
    assert sites == [2, 0]
    assert sorted(node.op_type for node in after.graph.node).count("Greater") == 2
    same_results(before, after)


def test_several_outputs() -> None:
    before = model(
        """net (float[N, 4] x) => (float[N, 4] y, float[N, 4] z) <float[4, 4] w, int64[1] k = {4}>
        { h = MatMul(x, w)  v, i = TopK(h, k)  f = Cast<to = 1>(i)  a = Mul(v, f)  y = Exp(a)  z = Exp(v) }"""
    )
    after, sites = rewrite(before, split_shared_logic, split_shared_logic)
    assert sites[0] >= 1
    assert sites[1] == 0
    same_results(before, after)


def test_shared_floats_and_readouts_stay() -> None:
    before = model(
        """net (float[N, 4] x) => (int64[N] y, bool[N] z) <float[4, 4] w, int64 three = {3}>
        { h = MatMul(x, w)  r = Relu(h)  s = MatMul(r, w)  y = ArgMax<axis = 1, keepdims = 0>(s)
          z = Equal(y, three) }"""
    )
    assert rewrite(before, split_shared_logic)[1] == [0]
