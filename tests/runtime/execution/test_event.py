"""The event domain is the value domain: to the bit where every sum is exact, to 1e-9 in float64 beside ties.

At a tie the last bits of a sum decide, and there the two may differ by a spike. The same holds of the value domain run
layer by layer.
"""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import LAYERS, MLP, network, sample

CODINGS = {"direct": {}, "float": {"encoder": "float"}, "differential": {"encoder": "differential"}}
SETTINGS: dict[str, dict[str, Any]] = {
    "differential": {"dynamics": "differential"},
    "powers of two": {"dynamics": "differential", "dynamics_options": {"levels": 6, "mantissa": 0}},
    "annealed": {"dynamics": "differential", "dynamics_options": {"annealed": 3}},
    "signgd": {"dynamics": "signgd", "schedule": "constant", "schedule_options": {"initial": 0.25}},
    "momentum": {
        "dynamics": "signgd",
        "dynamics_options": {"momentum": 0.5},
        "schedule": "constant",
        "schedule_options": {"initial": 0.25},
    },
}
UNFIT = ("differential", "momentum")  # an encoder that sends changes, and receivers that filter gradients
STEPS = [1, 2, 3, 7]


def spiking(name: str, encoder: str, **options: Any) -> SpikingModel:
    """Return the network `name` with all of its float inputs but masks spiking, unless `encoder` is direct."""
    inputs = () if encoder == "direct" else {"two": ("x", "z")}.get(name, ("x",))
    scales = dict.fromkeys(inputs, 2.0)
    return network(LAYERS[name], spiking_inputs=inputs, input_scales=scales, encoder=encoder, **options)


def everyone(snn: SpikingModel, x: Any, **options: Any) -> list[dict[str, torch.Tensor]]:
    """Return the outputs, events, spikes and estimates of every executor, flat, by what they are."""
    found = []
    for executor in ("step", "event", "layer"):
        run = snn.run(x, timesteps=STEPS, executor=executor, probes=["values", "spikes", "events"], **options)
        flat = {f"events {t}": torch.tensor(run.events[t]) for t in STEPS}
        for t, outputs in run.outputs.items():
            named = outputs if isinstance(outputs, dict) else {"y": outputs}
            flat |= {f"output {name} at {t}": torch.as_tensor(value) for name, value in named.items()}
        flat |= {f"{probe} {name}": value for probe, table in run.probes.items() for name, value in table.items()}
        found.append(flat)
    assert found[0].keys() == found[1].keys() == found[2].keys()
    return found


FITTING = [(encoder, setting) for encoder in CODINGS for setting in SETTINGS if (encoder, setting) != UNFIT]


@pytest.mark.parametrize(("encoder", "setting"), FITTING)
@pytest.mark.parametrize("name", LAYERS)
def test_to_the_bit_with_dyadic_weights(name: str, encoder: str, setting: str) -> None:
    snn = spiking(name, encoder, dyadic=True)
    options = SETTINGS[setting]
    if encoder == "float":
        options = options | {"schedule": "constant", "schedule_options": {"initial": 0.5}}
    for time in (0, 7):
        step, *others = everyone(snn, sample(snn, 3, dyadic=True, time=time), **options)
        for key in step:
            assert all(torch.equal(step[key], other[key]) for other in others), f"{key}, {time} steps of input"


@pytest.mark.parametrize("encoder", CODINGS)
@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), batch=st.integers(1, 3), moving=st.booleans(), signgd=st.booleans())
def test_to_1e_9_in_float64(name: str, encoder: str, seed: int, batch: int, moving: bool, signgd: bool) -> None:
    snn = spiking(name, encoder, seed=seed).to(torch.float64)
    x = sample(snn, batch, seed=seed, time=7 if moving else 0)
    step, *others = everyone(snn, x, **({"dynamics": "signgd"} if signgd else {}))
    for key in step:
        for other in others:
            torch.testing.assert_close(other[key], step[key], rtol=0, atol=1e-9, msg=key)


@pytest.mark.parametrize("executor", ["step", "event"])
def test_a_step_at_a_time_is_the_run_of_input_that_varies(executor: str) -> None:
    snn = spiking("two", "direct")
    x = sample(snn, 2, time=5)
    run = snn.run(x, timesteps=[1, 2, 3, 4, 5], executor=executor)
    for _ in range(2):
        for t in range(5):
            y = snn.step({name: value[t] for name, value in x.items()}, **({"executor": executor} if t == 0 else {}))
            for name, value in y.items():
                np.testing.assert_array_equal(value, run.outputs[t + 1][name])
        snn.reset()


def test_half_precision_keeps_wide_currents() -> None:
    snn = network(MLP, dyadic=True).to(torch.bfloat16)
    step, *others = everyone(snn, sample(snn, 3, dyadic=True))
    for key in step:
        assert step[key].dtype in (torch.float32, torch.int64)
        for other in others:
            torch.testing.assert_close(other[key].float(), step[key].float(), rtol=0, atol=0.05, msg=key)


@pytest.mark.parametrize("seed", range(4))
def test_at_ties_a_spike_may_go_the_other_way(seed: int) -> None:
    """Tenths add up to targets that are estimates, but for the last bits: both domains keep as close to them."""
    snn = network("""ties (float[N, 16] x) => (float[N, 3] y, float[N, 3] a) <float[16, 3] w>
    { h = onnx2snn.SpikingRelu(x)  a = MatMul(h, w)  y = onnx2snn.SpikingRelu(a) }""").double()
    draw, size = np.random.default_rng(seed), 0.1 * 4.0
    (weight,) = snn.program.constants.values()
    weight.copy_(torch.from_numpy(draw.integers(-3, 4, (16, 3)) / 10))
    x = draw.integers(-4, 5, (32, 16)) / 5
    options = {"dynamics": "signgd", "schedule": "constant", "schedule_options": {"initial": 0.1}}
    event, step = (snn.run(x, list(range(1, 25)), executor=name, **options) for name in ("event", "step"))
    for t in range(1, 25):
        np.testing.assert_allclose(event.outputs[t]["a"], step.outputs[t]["a"], rtol=0, atol=1e-9)
        assert np.abs(event.outputs[t]["y"] - step.outputs[t]["y"]).max() <= 2 * size + 1e-9
    for run in (event, step):
        assert np.abs(run.outputs[24]["y"] - np.maximum(run.outputs[24]["a"], 0)).max() <= size * 2 + 1e-9
