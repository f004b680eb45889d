"""A run lets go of its inputs and outputs when it returns, and not when Python next looks for cycles."""

import gc
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, MLP, network, sample

USES: dict[str, Callable[[SpikingModel, object], object]] = {
    "call": lambda snn, x: snn(x, timesteps=2),
    "run": lambda snn, x: snn.run(x, [1, 2], operations=True),
    "several batches": lambda snn, x: snn.run(x, [2], batch_size=2),
    "plain operations": lambda snn, x: snn.plain_operations(x),
    "step": lambda snn, x: (snn.step(x), snn.reset()),
}


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize("text", [MLP, CNN], ids=["mlp", "cnn"])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("use", USES)
def test_the_memory_of_a_batch_is_free_when_the_run_is_done(text: str, kind: str, use: str) -> None:
    snn = network(text)
    USES[use](snn, sample(snn, 4)["x"])  # what is built once, and kept
    x = np.array(sample(snn, 4)["x"])
    given = torch.from_numpy(x) if kind == "torch" else x
    held = weakref.ref(given)
    USES[use](snn, given)
    del x, given
    assert held() is None
