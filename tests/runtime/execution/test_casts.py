"""Casts between floating-point types: what varies keeps the type of the run, so every executor gives the same."""

import numpy as np
import pytest
import torch
from onnx import TensorProto

from tests.runtime.networks import network, sample

TYPES = {"float": TensorProto.FLOAT, "double": TensorProto.DOUBLE, "half": TensorProto.FLOAT16}
SYNAPSE = """cast (float[N, 6] x) => (float[N, 6] y) <float[6, 6] w, float lo = {{-0.25}}, float hi = {{0.5}}>
{{ p = {front}(x)  a = MatMul(p, w)  b = Cast<to = {to}>(a)  h = onnx2snn.Spiking{neuron}  c = Cast<to = {to}>(h)
  d = Cast<to = 1>(c)  y = MatMul(d, w) }}"""
FRONTS = {"input": "Identity", "spikes": "onnx2snn.SpikingTanh"}
NEURONS = ["Relu(b)", "Clip(b, lo, hi)", "Tanh(b)", "Cast(b)"]
EXECUTORS = ["layer", "step", "event"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_every_executor_and_batch_gives_the_same(front: str, neuron: str, dtype: torch.dtype, kind: str) -> None:
    snn = network(SYNAPSE.format(to=TYPES[kind], neuron=neuron, front=front)).to(dtype)
    x = sample(snn, 7)["x"]
    found = {name: snn(x, timesteps=16, executor=name) for name in EXECUTORS}
    found["layer, others"] = snn(x, timesteps=16, batch_size=2)
    for name, value in found.items():
        np.testing.assert_allclose(
            value, found["step"], rtol=0, atol=1e-9 if dtype == torch.float64 else 1e-5, err_msg=name
        )


def test_a_cast_keeps_the_figures_that_the_run_has() -> None:
    rough = network(SYNAPSE.format(to=TYPES["half"], neuron="Tanh(b)", front=FRONTS["spikes"]))
    exact = network(SYNAPSE.format(to=TYPES["float"], neuron="Tanh(b)", front=FRONTS["spikes"]))
    x = sample(rough, 3)["x"]
    np.testing.assert_array_equal(rough(x, timesteps=9), exact(x, timesteps=9))


def test_control_is_cast_as_the_graph_says() -> None:
    text = """control (float[N, 4] x, float[N, 4] m) => (float[N, 4] y) <float[4, 4] w>
    { n = Cast<to = 10>(m)  k = Cast<to = 1>(n)  a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  g = Mul(h, k)
      f = MatMul(g, w)  r = onnx2snn.SpikingTanh(f)  y = Add(r, k) }"""
    snn = network(text)
    x = sample(snn, 2)
    fine = {"x": x["x"] * 0, "m": np.full((2, 4), 1 / 3, np.float32)}
    np.testing.assert_array_equal(snn(fine), np.float32(np.float16(1 / 3)))
