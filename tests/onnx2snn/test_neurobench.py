"""The torch twin of a network for NeuroBench: the same answers, spikes and layers."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from onnx2snn.export.lines.modules import Neurons
from onnx2snn.neurobench import neurobench_model, twin
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.export.test_translate import NETWORKS, samples, scaled
from tests.runtime.networks import CNN, MLP, network

PADDED = """g (float[N, 2, 5, 5] x) => (float[N, 4, 3, 2] y) <float[2, 2, 1, 1] w, float[4, 1, 3, 3] v, int64[8] p = {0, 0, 0, 1, 0, 0, 1, 0}>
{ a = Conv(x, w)  h = onnx2snn.SpikingRelu(a)  q = Pad(h, p)  c = Conv<group = 2, strides = [2, 2], pads = [1, 0, 0, 0]>(q, v)
  y = onnx2snn.SpikingRelu(c) }"""  # noqa: E501


@pytest.mark.parametrize("name", [*NETWORKS, "padded"])
@pytest.mark.parametrize(
    "overrides",
    [
        {"dynamics": "if"},
        {"dynamics": "if", "dynamics_options": {"reset": "hard", "initial": 0.0}},
        {"dynamics": "lif", "dynamics_options": {"leak": 0.75}},
    ],
    ids=["if", "hard", "lif"],
)
def test_a_twin_gives_the_same_answers(name: str, overrides: dict[str, Any]) -> None:
    snn = scaled(network({**NETWORKS, "padded": PADDED}[name], dyadic=True), False).double()
    x = torch.from_numpy(samples(snn)).double()
    with torch.no_grad():
        torch.testing.assert_close(twin(snn, 7, **overrides)(x), snn(x, timesteps=7, **overrides), rtol=0, atol=1e-6)


def test_a_twin_is_made_of_the_layers_of_the_network() -> None:
    """No layer of weights is added, no group is written out: NeuroBench would count them."""
    made = twin(network(NETWORKS["strides, groups and unequal pads"]), 2, dynamics="if")
    layers = [m for m in made.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [tuple(layer.weight.shape) for layer in layers] == [(8, 2, 3, 2), (6, 8, 1, 3), (3, 6)]
    assert layers[0].groups == 2
    assert sum(isinstance(m, Neurons) for m in made.modules()) == 2
    made = twin(network(NETWORKS["channels joined, values halved"]), 2, dynamics="if")
    assert len([m for m in made.modules() if isinstance(m, nn.Conv2d)]) == 3


def test_a_second_input_starts_anew() -> None:
    made = twin(network(CNN), 4, dynamics="if")
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 2, 4, 4)).astype(np.float32))
    assert torch.equal(made(x), made(x))


@pytest.mark.parametrize(
    ("overrides", "why"),
    [({"dynamics": "signgd"}, "which SignGD does not send: give dynamics='if'"), ({"delay": 1}, "use neither")],
)
def test_refusals(overrides: dict[str, Any], why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        twin(network(MLP, dynamics="if"), 2, **overrides)


def test_an_absent_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "neurobench.models", None)
    with pytest.raises(Exception, match=r"is not installed: .*onnx2snn\[neurobench\]"):
        neurobench_model(network(MLP), 2, dynamics="if")
