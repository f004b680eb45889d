"""Every dynamics with every encoder: the event domain, the value domain and the layers are one network."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.dynamics.cases import CASES, DYADIC, QUARTER, pairs
from tests.runtime.networks import LAYERS, network, sample

EXECUTORS = ("step", "event", "layer")
STEPS = [1, 2, 3, 7]

RESIDUAL = """residual (float[N, 4] x) => (float[N, 3] y, float[N, 4] g) <float[4, 4] w, float[4] b, float[4, 4] u, float[4, 3] o>
{ a = Gemm(x, w, b)  h = onnx2snn.SpikingRelu(a)  c = Gemm(h, u, b)  d = Sub(c, h)  g = onnx2snn.SpikingRelu(d)
  r = Add(g, h)  e = MatMul(r, o)  y = Softmax(e) }"""  # noqa: E501
"""Several populations meet in one sum, an output is a population, another a readout."""


def spiking(text: str, encoder: str, **options: Any) -> SpikingModel:
    inputs = () if encoder == "direct" else ("x",)
    return network(text, spiking_inputs=inputs, input_scales={"x": 2.0}, encoder=encoder, **options).double()


def results(snn: SpikingModel, x: Any, executor: str, **options: Any) -> dict[str, torch.Tensor]:
    """Return outputs, spikes, estimates and events of a run, flat."""
    run = snn.run(x, timesteps=STEPS, executor=executor, probes=["values", "spikes", "events"], **options)
    flat: dict[str, torch.Tensor] = {}
    for t, outputs in run.outputs.items():
        named = outputs if isinstance(outputs, dict) else {"y": outputs}
        flat |= {f"output {name} at {t}": torch.as_tensor(value) for name, value in named.items()}
    return flat | {f"{probe} {name}": value for probe, table in run.probes.items() for name, value in table.items()}


def test_every_dynamics_and_encoder_is_here() -> None:
    assert {key.split(",")[0] for key in DYADIC} == set(DYNAMICS)
    assert {coding for _, coding in pairs(DYADIC)} == set(ENCODERS)


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize(("key", "encoder"), pairs(DYADIC))
def test_to_the_bit_with_dyadic_weights(key: str, encoder: str, delay: int) -> None:
    options = {"dynamics": key.split(",")[0], "delay": delay, **QUARTER, **DYADIC[key]}
    for text in (RESIDUAL.replace("  y = Softmax(e)", "").replace("e = MatMul", "y = MatMul"), LAYERS["cnn"]):
        snn = spiking(text, encoder, dyadic=True)
        for time in (0, 7):
            x = {name: value.astype(float) for name, value in sample(snn, 3, dyadic=True, time=time).items()}
            step, *others = (results(snn, x, executor, **options) for executor in EXECUTORS)
            for other in others:
                assert step.keys() == other.keys()
                for name in step:
                    assert torch.equal(step[name], other[name]), f"{name}, {time} steps of input"


@pytest.mark.parametrize(("key", "encoder"), pairs(CASES))
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), delay=st.integers(0, 1), time=st.sampled_from([0, 7]))
def test_to_1e_9_in_float64(key: str, encoder: str, seed: int, delay: int, time: int) -> None:
    snn = spiking(RESIDUAL, encoder, seed=seed)
    x = {name: value.astype(float) for name, value in sample(snn, 2, seed=seed, time=time).items()}
    options = CASES[key].run_options | {"delay": delay}
    step, *others = (results(snn, x, executor, **options) for executor in EXECUTORS)
    for other in others:
        for name in step:
            torch.testing.assert_close(other[name], step[name], rtol=0, atol=1e-9, msg=name)


@pytest.mark.parametrize(("key", "encoder"), [("differential", "direct"), ("subgradient", "float"), ("if", "poisson")])
@pytest.mark.parametrize("executor", ["step", "event"])
def test_a_step_at_a_time_is_a_run(key: str, encoder: str, executor: str) -> None:
    snn = spiking(RESIDUAL, encoder)
    x = sample(snn, 2)["x"]
    run = snn.run(x, timesteps=[1, 2, 3, 4], executor=executor, delay=1, **CASES[key].run_options)
    for t in range(1, 5):
        options = {"executor": executor, "delay": 1, **CASES[key].run_options} if t == 1 else {}
        np.testing.assert_allclose(snn.step(x, **options)["y"], run.outputs[t]["y"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("key", ["differential", "signgd", "signgd, momentum", "subgradient", "if", "lif"])
def test_synaptic_operations_are_those_of_the_spikes(key: str, delay: int) -> None:
    snn = spiking(RESIDUAL, "direct", dyadic=True)
    x = sample(snn, 3, dyadic=True)["x"].astype(float)
    options = {"dynamics": key.split(",")[0], "delay": delay, **QUARTER, **DYADIC[key]}
    runs = [snn.run(x, timesteps=STEPS, executor=e, operations=True, **options) for e in EXECUTORS]
    assert runs[0].synaptic_operations == runs[1].synaptic_operations == runs[2].synaptic_operations
    if key in ("if", "lif"):
        assert runs[0].synaptic_operations[7] <= runs[0].events[7] * 8  # no neuron has more than 8 weights


@pytest.mark.parametrize("executor", EXECUTORS)
def test_with_a_delay_each_population_sees_the_last_step(executor: str) -> None:
    snn = network(LAYERS["cnn"], dyadic=True).double()
    x = torch.from_numpy(sample(snn, 2, dyadic=True)["x"]).double()
    w, b, u, o = (getattr(snn.program, snn.program._names[name]) for name in "wbuo")
    quarter = {"dynamics": "signgd", **QUARTER}
    h = g = torch.zeros(2, 4, 4, 4, dtype=torch.float64)
    conv = torch.nn.functional.conv2d
    for t in range(1, 6):
        front, back = torch.relu(conv(x, w, b, padding=1)), torch.relu(conv(h, u, padding=1) + h)
        h, g = h + torch.where(h >= front, -1.0, 1.0), g + torch.where(g >= back, -1.0, 1.0)
        assert torch.equal(
            snn.run(x, timesteps=t, executor=executor, delay=1, **quarter).outputs[t], g.mean((2, 3)) @ o
        )


def test_a_delay_costs_steps_but_no_accuracy() -> None:
    snn = network(LAYERS["cnn"]).double()
    x = torch.from_numpy(sample(snn, 3)["x"]).double()
    settled = snn(x, timesteps=40)
    torch.testing.assert_close(snn(x, timesteps=40, delay=1), settled, rtol=0, atol=1e-2)
    assert (snn(x, timesteps=1, delay=1) - settled).norm() > (snn(x, timesteps=1) - settled).norm()
