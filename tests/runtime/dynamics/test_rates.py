"""`if` and `lif` against a plain simulation of currents and membranes, through a network."""

from typing import Any

import numpy as np
import pytest
import torch

from onnx2snn_runtime.dynamics.base import Neuron, make_dynamics
from onnx2snn_runtime.errors import InputError
from tests.runtime.dynamics.cases import settle
from tests.runtime.networks import network, sample

DEEP = """deep (float[N, 4] x) => (float[N, 3] y) <float[4, 8] w, float[8] b, float[8, 8] u, float[8] c, float[8, 3] o>
{ a = Gemm(x, w, b)  h = onnx2snn.SpikingRelu(a)  d = Gemm(h, u, c)  g = onnx2snn.SpikingRelu(d)  y = MatMul(g, o) }"""
THETA = 4.0


def simulate(p: dict, x: np.ndarray, steps: int, leak: float, hard: bool, clip: float = THETA) -> list[np.ndarray]:
    """Return the decoded output after each step: currents flow into membranes, spikes are counted at the end."""
    shape = (len(x), 8)
    membranes = [np.full(shape, clip / 2), np.full(shape, clip / 2)]
    total, weight, outputs = np.zeros((len(x), 3)), 0.0, []
    for _ in range(steps):
        spikes, current = np.zeros(shape), x @ p["w"] + p["b"]
        for layer in range(2):
            membranes[layer] = leak * membranes[layer] + current
            spikes = np.where(membranes[layer] >= clip * (1 - 1e-6), clip, 0.0)
            membranes[layer] = np.where(hard & (spikes > 0), 0.0, membranes[layer] - spikes)
            current = spikes @ p["u"] + p["c"]
        total, weight = leak * total + spikes @ p["o"], leak * weight + 1
        outputs.append(total / weight)
    return outputs


@pytest.mark.parametrize("executor", ["step", "layer", "event"])
@pytest.mark.parametrize("dyadic", [True, False])
@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize(("name", "leak"), [("if", 1.0), ("lif", 0.9), ("lif", 0.5)])
def test_the_averaged_form_is_the_membrane(name, leak, reset, dyadic, executor) -> None:
    snn = network(DEEP, dyadic=dyadic).double()
    p = {key: getattr(snn.program, held).numpy() for key, held in snn.program._names.items()}
    x = sample(snn, 5, dyadic=dyadic)["x"]
    options: dict[str, Any] = {"reset": reset} | ({"leak": leak} if name == "lif" else {})
    steps = list(range(1, 33))
    run = snn.run(x, timesteps=steps, executor=executor, dynamics=name, dynamics_options=options)
    for t, wanted in zip(steps, simulate(p, x.astype(float), 32, leak, reset == "hard"), strict=True):
        np.testing.assert_allclose(run.outputs[t], wanted, rtol=0, atol=1e-5)  # 1 / T is a float32 number


def test_a_clipped_relu_fires_at_its_ceiling() -> None:
    text = DEEP.replace("SpikingRelu(a)", "SpikingClip(a, z, six)").replace("SpikingRelu(d)", "SpikingClip(d, z, six)")
    held = "float[8, 3] o, float z = {0}, float six = {3}>"
    snn = network(text.replace("float[8, 3] o>", held)).double()
    p = {key: getattr(snn.program, name).numpy() for key, name in snn.program._names.items()}
    x = 3 * sample(snn, 5)["x"]
    run = snn.run(x, timesteps=20, dynamics="if")
    np.testing.assert_allclose(run.outputs[20], simulate(p, x.astype(float), 20, 1.0, False, 3.0)[-1], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("if", {"reset": "none"}, "there is no reset 'none': choose soft or hard"),
        ("if", {"threshold": 0.0}, "the threshold is 0.0 times the scale: give a number above 0"),
        ("lif", {"leak": 0.0}, "the leak is 0.0: give a number above 0, up to 1"),
        ("lif", {"leak": 1.5}, "the leak is 1.5"),
        ("subgradient", {"schedule": "inverse"}, "'subgradient' has no option 'schedule': it has momentum, nesterov"),
        ("lif", {"leak": True}, "the option 'leak' of the dynamics 'lif' is True: give a number"),
        ("if", {"reset": 1}, "the option 'reset' of the dynamics 'if' is 1: give a text"),
        ("signgd", {"momentum": 0.5, "nesterov": 1}, "the option 'nesterov' of .* is 1: give true or false"),
        ("signgd", {"optimizer": "rprop", "etas": 0.5}, "the option 'etas' of .* is 0.5: give a list of numbers"),
        ("if", {"leak": 0.5}, "the dynamics 'if' has no option 'leak': it has threshold, reset, initial"),
        ("subgradient", {"momentum": -0.1}, "has momentum -0.1 .*: give none below 0"),
        ("subgradient", {"nesterov": True}, "one above 0 with nesterov"),
    ],
)
def test_options_that_do_not_fit(name, options, message) -> None:
    with pytest.raises(InputError, match=message):
        make_dynamics(name, None, options)


def test_ties() -> None:
    """x = v sends nothing under `subgradient`; a membrane at its threshold fires under `if`."""
    aim = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    _, spikes = settle(make_dynamics("subgradient"), aim, 2, Neuron(1.0))
    assert torch.stack(spikes).tolist() == [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]  # v(1) = 1 / 2
    _, spikes = settle(make_dynamics("if"), aim, 2, Neuron(1.0))
    assert torch.stack(spikes).tolist() == [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]  # u(1) = 1, then 0 + 1 / 2
