"""A prepared run gives what the first one gave, and sees every change of the network."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.execution.plan import BoundCall
from tests.runtime.networks import CNN, LAYERS, MLP, network, sample

STEPS = [1, 3, 8]
CLIPPED = """clipped (float[N, 4] x, float low) => (float[N, 4] y) <float[4, 4] w, float top = {1.5}>
{ a = MatMul(x, w)  h = onnx2snn.SpikingClip(a, low, top)  b = MatMul(h, w)  g = onnx2snn.SpikingMul(b, a)
  y = Identity(g) }"""


def outputs(snn, x) -> list[np.ndarray]:
    made = snn.run(x, STEPS).outputs
    return [value for t in STEPS for value in (made[t].values() if isinstance(made[t], dict) else [made[t]])]


@pytest.mark.parametrize("name", [*LAYERS, "clipped"])
def test_the_second_run_is_the_first(name: str) -> None:
    snn = network(LAYERS.get(name, CLIPPED))
    for seed, batch in ((1, 3), (1, 3), (2, 3), (2, 2), (3, 3)):
        x = sample(snn, batch, seed=seed)
        if name == "clipped":
            x["low"] = np.float32(seed / 4)
        fresh = network(LAYERS.get(name, CLIPPED))
        for one, other in zip(outputs(snn, x), outputs(fresh, x), strict=True):
            np.testing.assert_array_equal(one, other)


def test_constants_are_bound() -> None:
    snn = network(CNN)
    x = sample(snn, 2)
    snn(x, timesteps=2)
    (known,) = snn.program.shapes.entries.values()
    calls = {step.call.item.op_type: step.call for step in known.plan if step.call}
    assert isinstance(calls["Conv"], BoundCall)
    assert calls["Conv"].open_inputs == [(0, "h")]
    assert calls["Conv"].fixed[1] is snn.program.constants["u"]


def test_weights_that_change_are_seen() -> None:
    snn = network(MLP)
    x = sample(snn, 4)
    before = snn(x, timesteps=8)
    with torch.no_grad():
        snn.program.constants["u"].mul_(2.0)
    np.testing.assert_allclose(snn(x, timesteps=8), 2 * before, rtol=1e-6)
    key = snn.program._names["u"]
    setattr(snn.program, key, snn.program.constants["u"] * 0.5)  # another tensor, not the same one changed
    np.testing.assert_allclose(snn(x, timesteps=8), before, rtol=1e-6)
    assert snn.double()(x, timesteps=8).dtype == np.float64
