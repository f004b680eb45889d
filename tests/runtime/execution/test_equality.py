"""Whatever the chunks and the batches, `layer` gives what spikes alone give: every dynamics, on random networks."""

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx2snn_runtime.batches.memory import MemoryPlan
from onnx2snn_runtime.batches.run import Run
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.dynamics.cases import CASES, DYADIC, QUARTER, pairs
from tests.runtime.networks import CNN, network, sample

STEPS, SAMPLES = 5, 3
RECTIFIERS = ("Relu({})", "Clip({}, zero, three)")
EXACT = (*RECTIFIERS, "Mul({}, {})", "MatMul({}, {})")
ROUNDED = (*RECTIFIERS, "Mul({}, {})", "Tanh({})", "Gelu({}, two)")
"""No MatMul: a product of signs is a sum that may cancel, and then its rounding would decide of the next sign."""
RANDOM = ("poisson", "stochastic_spike")
"""Encoders that draw by the place of a sample in its batch."""


@st.composite
def texts(draw: st.DrawFn, neurons: tuple[str, ...]) -> str:
    """Return a network of 1 to 4 of `neurons`: of one source or two, that vary or stand still, and of constants."""
    values, lines, weights = ["x"], [], ["float[4, 4] o", "float zero = {0}", "float three = {3}", "float two = {2}"]
    for i in range(draw(st.integers(1, 4))):
        weights += [f"float[4, 4] w{i}", f"float[4] b{i}"]
        lines += [f"m{i} = MatMul({values[-1]}, w{i})", f"a{i} = Add(m{i}, b{i})"]
        others = st.sampled_from([*values, f"a{i}"])
        joined = draw(st.sampled_from(["Add(a{0}, {1})", "Sub({1}, a{0})", "Transpose<perm = [0, 2, 1]>(a{0})"]))
        lines.append(f"s{i} = {joined.format(i, draw(others))}")
        lines.append(f"h{i} = onnx2snn.Spiking{draw(st.sampled_from(neurons)).format(f's{i}', draw(others))}")
        values.append(f"h{i}")
    lines += [f"y = MatMul({values[-1]}, o)", f"z = Add({values[1]}, y)"]
    head = "random (float[N, 4, 4] x) => (float[N, 4, 4] y, float[N, 4, 4] z)"
    return f"{head} <{', '.join(weights)}> {{ {'  '.join(lines)} }}"


def networks(neurons: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.one_of(texts(neurons), texts(neurons), st.just(CNN))


def spiking(text: str, encoder: str, **options: Any) -> SpikingModel:
    inputs = () if encoder == "direct" else ("x",)
    return network(text, spiking_inputs=inputs, input_scales={"x": 2.0}, encoder=encoder, **options).double()


def layered(snn: SpikingModel, x: np.ndarray, batch: int, chunk: int, **options: Any) -> Run:
    """Return a run by `layer` in batches of `batch` samples and chunks of `chunk` time steps."""
    with patch("onnx2snn_runtime.batches.run.plan_memory", return_value=MemoryPlan(batch, chunk)) as planned:
        run = snn.run(x, list(range(1, STEPS + 1)), executor="layer", probes="events", **options)
    assert planned.called
    return run


def flat(run: Run) -> dict[str, torch.Tensor]:
    """Return the outputs after every step, and the events of every population at every step."""
    found = dict(run.probes["events"])
    for t, outputs in run.outputs.items():
        named = outputs if isinstance(outputs, dict) else {"y": outputs}
        found |= {f"{name} at {t}": torch.from_numpy(value) for name, value in named.items()}
    return found


def check(text: str, encoder: str, dyadic: bool, seed: int, fixed: int, options: dict[str, Any]) -> None:
    """Assert that every chunk size, each with a batch split, gives the reference: to the bit if `dyadic`."""
    snn = spiking(text, encoder, dyadic=dyadic, seed=seed)
    x = sample(snn, SAMPLES, dyadic=dyadic, seed=seed)["x"].astype(float)
    run = snn.run(x, list(range(1, STEPS + 1)), executor="event", probes="events", **options)
    expected, model = flat(run), spiking(text, encoder, dyadic=dyadic, seed=seed, batch=fixed) if fixed else snn
    for chunk in range(1, STEPS + 1):
        batch = SAMPLES if fixed or encoder in RANDOM else 1 + (chunk + seed) % SAMPLES
        found = flat(layered(model, x, batch, chunk, **options))
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            what = f"{name}, batches of {fixed or batch}, chunks of {chunk}"
            if dyadic or value.dtype == torch.int64:
                assert torch.equal(found[name], value), what
            else:
                torch.testing.assert_close(found[name], value, rtol=0, atol=1e-9, msg=what)


def encoders(key: str) -> st.SearchStrategy[str]:
    return st.sampled_from([coding for _, coding in pairs([key])])


@pytest.mark.parametrize("key", DYADIC)
@settings(max_examples=3, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10_000), fixed=st.sampled_from([0, 0, 2]))
def test_to_the_bit_with_dyadic_weights(key: str, data: st.DataObject, seed: int, fixed: int) -> None:
    name, *_ = key.split(",")
    text = data.draw(networks(RECTIFIERS if DYNAMICS[name].rectifies else EXACT))
    encoder = data.draw(encoders(key))
    check(text, encoder, True, seed, 0 if encoder in RANDOM else fixed, {"dynamics": name, **QUARTER, **DYADIC[key]})


@pytest.mark.parametrize("key", CASES)
@settings(max_examples=2, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10_000))
def test_to_1e_9_in_float64(key: str, data: st.DataObject, seed: int) -> None:
    text = data.draw(networks(RECTIFIERS if DYNAMICS[CASES[key].name].rectifies else ROUNDED))
    check(text, data.draw(encoders(key)), False, seed, 0, CASES[key].run_options)
