"""Region bodies through torch.compile give what the operators give."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.execution import compiled_bodies
from onnx2snn_runtime.loading import place
from tests.runtime.networks import CNN, LAYERS, network, sample

GELU = """gelu (float[N, 4] x) => (float[N, 3] y) <float[4, 8] w, float r = {1.4142135}, float[8, 3] u>
{ a = MatMul(x, w)  h = onnx2snn.SpikingGelu(a, r)  y = MatMul(h, u) }"""


@pytest.mark.filterwarnings("ignore")  # the compiler's own
@pytest.mark.parametrize("name", ["gelu", *LAYERS])
def test_compiled_bodies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_bodies, "BACKEND", "eager")
    text = {"gelu": GELU, **LAYERS}[name]
    plain, compiled = network(text), place(network(text), "cpu", compile_regions=True)
    for batch in (3, 2):
        x = sample(plain, batch)
        expected, found = plain.run(x, [1, 6]), compiled.run(x, [1, 6])
        assert found.events == expected.events
        for t in (1, 6):
            one, other = found.outputs[t], expected.outputs[t]
            for key in one if isinstance(one, dict) else [None]:
                np.testing.assert_array_equal(one if key is None else one[key], other if key is None else other[key])


@pytest.mark.filterwarnings("ignore")
def test_each_shape_and_version_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def compile_(function, **options):
        made.append(1)
        return function

    monkeypatch.setattr(torch, "compile", compile_)
    snn = place(network(GELU), "cpu", compile_regions=True)
    x = sample(snn, 3)["x"]
    for _ in range(3):
        snn.run(x, 4)
    before = len(made)
    snn.run(x[:2], 4)
    assert len(made) == before + 1
    snn.set_population("neuron_h", levels=9)
    snn.run(x[:2], 4)
    assert len(made) == before + 2


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore")
def test_compiled_on_a_gpu() -> None:
    for text in (GELU, CNN):
        plain, compiled = network(text).to("cuda"), place(network(text), "cuda", compile_regions=True)
        x = sample(plain, 5)["x"]
        np.testing.assert_allclose(compiled.run(x, 4).outputs[4], plain.run(x, 4).outputs[4], atol=0.05)
