"""Where a current would meet weights a neuron sends it on, and a spike is all that meets weights."""

import numpy as np
import pytest

import onnx2snn
from onnx2snn.passes.base import Work
from onnx2snn.passes.neurons.relay_currents import relay_currents
from onnx2snn_runtime.ir.operators import is_supported
from onnx2snn_runtime.probing.arrivals import arrivals
from tests.onnx2snn.front_end import floats, network

X = floats(24, 2, 6, 6, seed=7)
BOTTLENECK = """a = Conv(x, k)  h = Relu(a)  n = Conv(h, l)  e = Conv(n, k)  g = Relu(e)  d = Conv(g, l)  s = Add(d, n)
  f = Conv(s, k)  t = Tanh(f)  m = GlobalAveragePool(t)  y = Flatten(m)"""
WEIGHTS = {"k": floats(6, 2, 1, 1), "l": floats(2, 6, 1, 1, seed=1)}


def bottleneck():
    return network(BOTTLENECK, "float[N, 2, 6, 6] x", "float[N, 6] y", **WEIGHTS)


@pytest.mark.parametrize("encoder", ["direct", "differential"])
def test_only_spikes_meet_weights(encoder: str) -> None:
    plain = onnx2snn.convert(bottleneck(), X, encoder=encoder, adapt=False)
    relayed = onnx2snn.convert(bottleneck(), X, encoder=encoder, adapt=False, relays=True)
    assert "numbers" in {a.kind for a in arrivals(plain.program)}
    assert {a.kind for a in arrivals(relayed.program)} == {"spikes"}
    assert len(relayed.population_names()) == len(plain.population_names()) + 2  # n and s
    np.testing.assert_allclose(relayed(X, timesteps=12), plain(X, timesteps=12), atol=0.02)
    assert onnx2snn.convert(bottleneck(), X, settings=relayed.conversion.settings).population_names() == (
        relayed.population_names()
    )


def test_operands_of_a_product_are_relayed() -> None:
    body = """q = MatMul(x, w)  k = MatMul(x, v)  t = Transpose<perm = [0, 2, 1]>(k)  p = MatMul(q, t)
      s = Softmax<axis = -1>(p)  y = MatMul(s, r)"""
    weights = {"w": floats(4, 4), "v": floats(4, 4, seed=1), "r": floats(5, 3, seed=2)}
    model = network(body, "float[N, 5, 4] x", "float[N, 5, 3] y", **weights)
    x = floats(16, 5, 4, seed=3)
    relayed = onnx2snn.convert(model, x, encoder="differential", relays=True, adapt=False)
    made = [p for p in relayed.program.populations if p.op_type == "SpikingIdentity"]
    assert {p.sources[0] for p in made} >= {"q", "t"}
    np.testing.assert_allclose(relayed(x, timesteps=12), onnx2snn.convert(model, x)(x, timesteps=12), atol=0.02)


def test_nothing_is_done_unless_it_is_asked_for() -> None:
    model = onnx2snn.convert(bottleneck(), X, adapt=False).proto
    work = Work(model, "the model", is_supported)
    assert relay_currents(work) == 0
    work.relays = True
    assert relay_currents(work) == 2
    assert relay_currents(work) == 0
