"""Populations of a kind share the call of a kernel: the positions of a recurrence, above all."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.kernels import compiling, native
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.unrolling import unrolled
from tests.runtime.program.test_unrolling import model, samples

pytestmark = pytest.mark.skipif(compiling.unavailable("functions") is not None, reason="there is no C compiler")


@pytest.mark.parametrize("executor", ["layer", "step"])
def test_positions_share_a_call(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    snn, x = SpikingModel(model()), samples(12)
    expected = snn.run(x, 6, executor="event").outputs[6]
    snn.run(x, 6)  # the first run of a shape measures its memory, a population at a time
    asked: list[int] = []
    whole = native.CKernel.run
    monkeypatch.setattr(native.CKernel, "run", lambda self, *given: asked.append(1) or whole(self, *given))
    found = snn.run(x, 6, executor=executor).outputs[6]
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-6)
    assert 1 <= len(asked) < 6  # of 12 positions


def test_parameters_that_change_are_taken() -> None:
    snn, x = SpikingModel(model()), samples(8)
    before = snn.run(x, 4).outputs[4]["y"]
    snn.set_population("cell", levels=3, mantissa=0)
    coarse = snn.run(x, 4)
    assert not np.array_equal(coarse.outputs[4]["y"], before)
    np.testing.assert_array_equal(coarse.outputs[4]["y"], snn.run(x, 4, executor="step").outputs[4]["y"])
    program = unrolled(snn.program, {"x": torch.from_numpy(x[:1])})
    assert len({id(item.attributes) for item in program.populations}) == 1
    assert len({id(program.neuron(item)) for item in program.populations}) == 1
