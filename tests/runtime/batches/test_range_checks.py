"""What a run is told of its values: populations beyond their scale, and outputs that are NaN."""

import warnings
from typing import Any

import numpy as np
import pytest

from onnx2snn_runtime.errors import NotFiniteWarning, SaturationWarning
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import LAYERS, network, sample

TEXT = """one (float[N, 4] x) => (float[N, 4] y) { h = onnx2snn.SpikingRelu(x)  y = Identity(h) }"""


@pytest.fixture
def snn() -> SpikingModel:
    return network(TEXT)


def inputs(large: int, samples: int = 10, size: float = 100.0) -> np.ndarray:
    """Return [samples, 4], of which `large` numbers are beyond the scale, which is 4."""
    x = np.ones((samples, 4), np.float32)
    x.reshape(-1)[:large] = size
    return x


def run(snn: SpikingModel, x: np.ndarray, **options: Any) -> tuple[dict[str, float], list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        saturated = snn.run(x, **{"timesteps": 3} | options).saturated
    return saturated, [str(w.message) for w in caught if issubclass(w.category, SaturationWarning)]


@pytest.mark.parametrize(
    "options", [{}, {"executor": "step"}, {"executor": "event"}, {"batch_size": 3}, {"timesteps": 1}]
)
def test_a_population_beyond_its_scale_is_told(snn: SpikingModel, options: dict[str, Any]) -> None:
    saturated, (told,) = run(snn, inputs(12), **options)
    assert saturated == {"neuron_h": 12 / 40}
    assert told == (
        "1 of 1 populations saturate: 30% of the neurons of 'neuron_h' are beyond their scale, and come near their "
        "values late or not at all: convert with calibration data like these, or take more time steps"
    )


def test_a_few_are_counted_without_a_word(snn: SpikingModel) -> None:
    assert run(snn, inputs(1, samples=100)) == ({"neuron_h": 1 / 400}, [])
    assert run(snn, inputs(40, size=4.0)) == ({}, [])


def test_a_scale_for_each_neuron(snn: SpikingModel) -> None:
    snn.set_population("neuron_h", scale=np.array([0.25, 4, 4, 4], np.float32))
    assert run(snn, inputs(0))[0] == {"neuron_h": 1 / 4}


def test_what_fills_up_a_batch_does_not_count() -> None:
    snn = network(TEXT, batch=4)
    assert run(snn, inputs(4, samples=5))[0] == {"neuron_h": 4 / 20}


def test_samples_that_left_do_not_count(snn: SpikingModel) -> None:
    saturated, told = run(snn, inputs(4), early_exit="settled", timesteps=4)
    assert saturated == {"neuron_h": 1 / 10}
    assert len(told) == 1


def test_other_dynamics_are_not_looked_at(snn: SpikingModel) -> None:
    for dynamics in ("signgd", "subgradient", "if", "ternary"):
        assert run(snn, inputs(12), dynamics=dynamics) == ({}, [])


def test_nan_that_the_network_makes_is_told() -> None:
    snn = network("nan (float[N, 4] x) => (float[N, 4] y) { l = Log(x)  h = onnx2snn.SpikingTanh(l)  y = Add(h, l) }")
    with pytest.warns(NotFiniteWarning, match=r"for 1 of 2 samples \(no input holds NaN, so the network made it\)"):
        snn(np.array([[1, 1, 1, 1], [1, -1, 1, 1]], np.float32))


def test_an_output_that_is_nan_is_told(snn: SpikingModel) -> None:
    x = inputs(0)
    x[[2, 5], 1] = np.nan
    with pytest.warns(
        NotFiniteWarning, match=r"'y' is NaN for 2 of 10 samples \(the input 'x' holds NaN\): leave such"
    ):
        y = snn(x)
    assert np.isnan(y).any(1).tolist() == [i in (2, 5) for i in range(10)]


@pytest.mark.parametrize(
    "options", [{}, {"executor": "step"}, {"early_exit": "settled"}, {"batch_size": 3}, {"delay": 1}]
)
@pytest.mark.parametrize("name", LAYERS)
def test_nan_stays_in_its_sample(name: str, options: dict[str, Any]) -> None:
    snn = network(LAYERS[name])
    x = sample(snn, 7)
    clean = named(snn.run(x, 8, **options).outputs[8])
    key = next(iter(x))
    x[key] = x[key].copy()
    x[key][[1, 4]] = np.nan
    with pytest.warns(NotFiniteWarning, match="is NaN for 2 of 7 samples"):
        run = snn.run(x, 8, **options)
    with pytest.warns(NotFiniteWarning, match="is NaN for 2 of 7 samples"):
        event = snn.run(x, 8, executor="event", delay=options.get("delay", 0))
    for output, value in named(run.outputs[8]).items():
        lost = np.isnan(value).reshape(7, -1)
        assert np.array_equal(np.isnan(named(event.outputs[8])[output]), np.isnan(value))
        assert lost.any(1).tolist() == [i in (1, 4) for i in range(7)]
        others = [i for i in range(7) if i not in (1, 4)]
        np.testing.assert_allclose(value[others], clean[output][others], rtol=1e-5, atol=1e-5)
    assert run.events[8] == event.events[8]


def named(outputs: Any) -> dict[str, np.ndarray]:
    return outputs if isinstance(outputs, dict) else {"y": outputs}


def test_a_mask_of_minus_infinity_is_ordinary_control() -> None:
    text = """mask (float[N, 4] x, float[N, 4] m) => (float[N, 4] y) <float[4, 4] w>
    { q = MatMul(x, w)  h = onnx2snn.SpikingTanh(q)  s = Add(h, m)  p = onnx2snn.SpikingSoftmax(s)
      y = MatMul(p, w) }"""
    snn = network(text)
    x = sample(snn, 3)
    x["m"] = np.where(np.arange(4) < 2, 0, -np.inf).astype(np.float32) * np.ones((3, 1), np.float32)
    x["m"][:, :2] = 0
    found = {name: snn(x, timesteps=12, executor=name) for name in ("layer", "step", "event")}
    assert np.isfinite(found["layer"]).all()
    for value in found.values():
        np.testing.assert_allclose(value, found["step"], atol=1e-5)


def test_a_population_of_fewer_neurons_than_samples() -> None:
    text = """all (float[N, 4] x) => (float[N, 4] y)
    { m = ReduceSum<keepdims = 0>(x)  h = onnx2snn.SpikingRelu(m)  y = Add(x, h) }"""
    assert run(network(text), inputs(40), timesteps=1)[0] == {"neuron_h": 1.0}
