"""What hangs on shapes alone is found, computed once a shape, and forgotten with a change of the program."""

import numpy as np
import pytest

from onnx2snn_runtime.execution import layer
from tests.runtime.networks import network

RESHAPED = """reshaped (float[N, 4] x) => (float[N, 2, 4] y) <float[4, 8] w, int64[1] k = {0}, int64[2] tail = {2, 4}>
{ a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  s = Shape(h)  n = Gather<axis = 0>(s, k)
  t = Concat<axis = 0>(n, tail)  r = Reshape(h, t)  g = onnx2snn.SpikingTanh(r)  y = Identity(g) }"""

BY_LENGTH = """by_length (float[N, 4] x, int64 n) => (float[N, 4] y) <float[4, 4] w, int64 o = {0}, int64 i = {1}>
{ l = Range(o, n, i)  s = Shape(l)  c = Cast<to = 1>(s)  a = MatMul(x, w)  b = Mul(a, c)
  h = onnx2snn.SpikingRelu(b)  y = Identity(h) }"""

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_shape_arithmetic_is_found() -> None:
    assert network(RESHAPED).program.shapes.names == {"s", "n", "t"}


def test_a_length_that_is_given_is_not_a_shape_of_the_inputs() -> None:
    snn = network(BY_LENGTH)
    assert not snn.program.shapes.names
    once, twice = (snn({"x": X, "n": np.int64(n)}, timesteps=12) for n in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, atol=0.01)


@pytest.mark.parametrize("executor", ["layer", "step"])
def test_every_batch_has_its_own(executor: str) -> None:
    snn, plain = network(RESHAPED), network(RESHAPED)
    for count in (6, 2, 6, 1, 2):
        fresh = network(RESHAPED)(X[:count], timesteps=5, executor="step")
        assert snn(X[:count], timesteps=5, executor=executor).shape == (count, 2, 4)
        np.testing.assert_array_equal(plain(X[:count], timesteps=5, executor=executor), fresh)


def test_what_is_known_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    snn = network(RESHAPED)
    first = snn(X, timesteps=20)
    (known,) = snn.program.shapes.entries.values()
    assert [step.call.item.outputs[0] for step in known.plan if step.call] == ["r"]
    monkeypatch.setattr(layer, "generic_plan", None)  # the long way is closed
    np.testing.assert_array_equal(snn(X, timesteps=20), first)


def test_a_change_forgets() -> None:
    snn = network(RESHAPED)
    snn(X, timesteps=2)
    assert snn.program.shapes.entries
    snn.program.double()
    assert not snn.program.shapes.entries
    assert snn(X.astype(np.float64), timesteps=2).shape == (6, 2, 4)
