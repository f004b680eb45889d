"""The paper's own code, step by step: see oracle/README.md for where the arrays come from.

The exporter folded the batch normalisation of cnn_bn_relu in float32, so that the file's network differs from the one
that made the arrays by 2e-8 (of `ann`). A neuron that passes its target more closely than that may step the other way:
from there on such a sample says nothing, and it is compared loosely
(1e-2). Up to T=32 at least half of the samples are free of that. (`subgradient` meets no such tie: it is compared to
1e-7 throughout.)
"""

from pathlib import Path

import numpy as np
import pytest
import torch

import onnx2snn
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel

ORACLE = Path(__file__).parent / "oracle"
NETWORKS = ["cnn_bn_relu", "cnn_maxpool", "mlp_layernorm", "mlp_relu"]
REFOLDED = {"cnn_bn_relu": 1e-7}
FALLING = {"schedule": "exponential", "schedule_options": {"initial": 0.1, "decay": 0.95}}
AVERAGE = {"dynamics": "subgradient", "schedule": "inverse", "schedule_options": {"offset": 1.0}}
SETTINGS = {
    "signgd": {"schedule": "exponential", "schedule_options": {"initial": 0.15, "decay": 0.95}},
    "signgd_inverse": {"schedule": "inverse"},
    "signgd_momentum": {**FALLING, "dynamics_options": {"momentum": 0.5}},
    "signgd_nesterov": {**FALLING, "dynamics_options": {"momentum": 0.5, "nesterov": True}},
    "subgradient_inverse": AVERAGE,
    "subgradient_exponential": {
        "dynamics": "subgradient",
        "schedule": "exponential",
        "schedule_options": {"initial": 0.5, "decay": 0.95},
    },
    "subgradient_momentum": {**AVERAGE, "dynamics_options": {"momentum": 0.5}},
    "subgradient_nesterov": {**AVERAGE, "dynamics_options": {"momentum": 0.5, "nesterov": True}},
}


def paper_network(name: str, arrays: dict[str, np.ndarray]) -> SpikingModel:
    """Convert a network as the paper does: elementwise neurons, float-coded input, per-neuron ReLU scales."""
    snn = onnx2snn.convert(
        ORACLE / f"{name}.onnx",
        arrays["x"].astype(np.float32),
        neurons="elementwise",
        encoder="float",
        dynamics="signgd",
        adapt=False,
    )
    relus = [p.name for p in snn.program.populations if p.op_type == "SpikingRelu"]
    for population in snn.population_names():
        scale = arrays[f"relu_scale_{relus.index(population)}"] if population in relus else np.ones(())
        snn.set_population(population, scale=scale)
    return place(snn, "cpu", "float64")


def closest_approach(snn: SpikingModel, x: np.ndarray, timesteps: int, **setting) -> np.ndarray:
    """Return the least |f(x) - v| that any neuron compared, after each step, for each sample: [T, samples]."""
    run = snn.run(x, timesteps=timesteps, probes=["errors", "values"], **setting)
    margins = []
    for name in snn.population_names():
        error, value = (run.probes[probe][name] for probe in ("errors", "values"))
        before = torch.cat([torch.zeros_like(value[:1]), value[:-1]])
        silent = error + value == 0  # a ReLU at rest: its target is 0 whatever the last digits of its input
        margins.append((error + value - before).abs().masked_fill(silent, np.inf).flatten(2).amin(2).numpy())
    return np.minimum.accumulate(np.minimum.reduce(margins), axis=0)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[str, SpikingModel, dict[str, np.ndarray]]:
    arrays = dict(np.load(ORACLE / f"{request.param}.npz"))
    return request.param, paper_network(request.param, arrays), arrays


@pytest.mark.parametrize("executor", ["step", "event", "layer"])
@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_the_output_after_every_step_is_that_of_the_papers_code(network, setting, executor):
    name, snn, arrays = network
    expected = {int(k.rsplit("_T", 1)[1]): v for k, v in arrays.items() if k.rsplit("_T", 1)[0] == setting}
    if name in ("cnn_maxpool", "mlp_layernorm") and setting not in ("signgd", "signgd_inverse"):
        assert not expected  # that code fails there
        return
    assert len(expected) == 9
    run = snn.run(arrays["x"], timesteps=sorted(expected), executor=executor, **SETTINGS[setting])
    filtered = setting.startswith("subgradient")  # its arrays are good to 1e-8: the scales went through float32
    margin = closest_approach(snn, arrays["x"], 128, **SETTINGS[setting]) if name in REFOLDED and not filtered else None
    for t, value in expected.items():
        sure = np.ones(len(value), bool) if margin is None else margin[t - 1] > REFOLDED[name]
        assert sure.mean() >= 0.5 or t > 32
        close = 1e-7 if filtered else 1e-9
        np.testing.assert_allclose(run.outputs[t][sure], value[sure], rtol=0, atol=close, err_msg=f"T={t}")
        np.testing.assert_allclose(run.outputs[t], value, rtol=0, atol=close if margin is None else 0.01)
