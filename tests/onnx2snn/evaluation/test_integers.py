"""Synapses that compute with integers, checked step by step, and what keeps others from it."""

import re

import numpy as np
import pytest
import torch

from onnx2snn.evaluation.integers import floating, grid_of, integer_report
from onnx2snn.passes.folding.quantise_weights import quantise_weights
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import network, proto

TEXT = """net (float[N, 2, 4, 4] x) => (float[N, 3] y)
<float[4, 2, 3, 3] w, float[4] b, float[4, 4, 3, 3] v, float[4, 4] k, float[4, 3] u, float[3] d>
{ a = Conv(x, w, b)  h = onnx2snn.SpikingRelu(a)  c = Conv<pads = [1, 1, 1, 1]>(h, v)  g = onnx2snn.SpikingTanh(c)
  p = GlobalAveragePool(g)  f = Flatten(p)  e = Gemm<transB = 1>(f, k)  z = onnx2snn.SpikingRelu(e)
  m = MatMul(z, u)  y = Add(m, d) }"""


def integers(text: str = TEXT) -> SpikingModel:
    model = proto(text)
    quantise_weights(model)
    return SpikingModel(model)


X = np.random.default_rng(2).normal(size=(3, 2, 4, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("overrides", "bits"), [({"dynamics": "differential"}, 14), ({"dynamics_options": {"levels": 4, "mantissa": 2}}, 7)]
)
def test_every_step_is_of_integers(overrides: dict[str, object], bits: int) -> None:
    found = integer_report(integers(), X, 5, **overrides)
    assert found.integer, found
    assert [synapse.steps for synapse in found.synapses] == [5, 5, 5]
    assert 0 < found.synapses[0].payload_bits <= bits
    assert all(synapse.sum_bits <= 31 for synapse in found.synapses)
    assert found.synapses[0].sum_bits > 8


def test_floating_weights_are_told() -> None:
    found = integer_report(network(TEXT), X, 2)
    assert not found.integer
    assert {synapse.why for synapse in found.synapses} == {"its weights are no 8-bit integers"}


def test_payloads_off_a_grid_are_told() -> None:
    snn = integers()
    snn.set_population(snn.population_names()[0], scale=np.float32(0.3))
    found = integer_report(snn, X, 2)
    assert not found.integer
    assert re.search(r"arrives has \d+ bits on a common grid|sums have \d+ bits", found.synapses[0].why)


def test_what_stays_in_floating_point_is_said() -> None:
    text = TEXT.replace("y = Add(m, d)", "s = Add(m, d)  y = Softmax(s)")
    assert floating(integers(text)) == [
        "the function of 1 populations (Tanh)",
        "what is given the input itself, once: Conv node 'a'",
        "scales of channels and biases, where sums arrive at a population",
        "readouts: Softmax",
    ]


def test_grids() -> None:
    assert grid_of(torch.tensor([0.75, -2.5, 0.0])) == (0.25, 4)
    assert grid_of(torch.zeros(3)) == (1.0, 0)
    assert grid_of(torch.tensor([1.0 / 3]))[1] > 20
