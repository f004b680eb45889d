"""A profile takes the time of every item of the network, once, and changes nothing."""

import threading
import time

import numpy as np
import pytest
import torch

from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.execution import profiling
from onnx2snn_runtime.execution.base import Settings, make_execution
from onnx2snn_runtime.execution.layer import LayerExecution
from onnx2snn_runtime.program.population import Population
from tests.runtime.networks import LAYERS, MLP, network, sample

CPU = torch.device("cpu")


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("executor", ["layer", "step", "event"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_item_of_the_network_is_there(name: str, executor: str, delay: int) -> None:
    snn = network(LAYERS[name])
    x = sample(snn, 3)
    options = {"executor": executor, "delay": delay, "probes": ["events"]}
    expected = snn.run(x, [2, 5], **options)
    begun = time.perf_counter()
    with profiling.profiling(CPU) as profile:
        run = snn.run(x, [2, 5], **options)
    whole = time.perf_counter() - begun
    program = snn.program
    items = (*program.prologue, *program.loop, *program.tail, *program.readout)
    assert set(profile.seconds) == {i.output if isinstance(i, Population) else i.outputs[0] for i in items}
    assert 0 < sum(profile.seconds.values()) < whole
    for t in (2, 5):
        outputs, wanted = (
            r.outputs[t] if isinstance(r.outputs[t], dict) else {"": r.outputs[t]} for r in (run, expected)
        )
        for key, value in wanted.items():
            np.testing.assert_array_equal(outputs[key], value)
    assert run.events == expected.events


def test_samples_that_leave_take_the_profile_along() -> None:
    snn = network(MLP, dyadic=True)
    x = sample(snn, 9, dyadic=True)["x"]
    with profiling.profiling(CPU) as profile:
        run = snn.run(x, 12, early_exit="settled")
    assert run.steps_taken.unique().numel() > 1
    assert set(profile.seconds) == {"a", "h", "y"}


def test_only_the_runs_within_are_profiled() -> None:
    snn = network(MLP)
    settings = Settings(Differential())
    with profiling.profiling(CPU) as profile:
        inside = make_execution("layer", snn.program, settings)
        elsewhere = []
        thread = threading.Thread(target=lambda: elsewhere.append(make_execution("layer", snn.program, settings)))
        thread.start()
        thread.join()
    assert type(inside).__name__ == "ProfiledLayerExecution"
    assert isinstance(inside, LayerExecution)
    assert type(elsewhere[0]) is type(make_execution("layer", snn.program, settings)) is LayerExecution
    assert not profile.seconds


def test_what_is_part_of_an_item_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter(range(100))
    monkeypatch.setattr(profiling.time, "perf_counter", lambda: float(next(readings)))
    profile = profiling.Profile(CPU)
    item = network(MLP).program.loop[0]
    inner = profile._timed(lambda execution, item: None)
    outer = profile._timed(lambda execution, item: inner(execution, item))
    outer(None, item)
    outer(None, item)
    assert list(profile.seconds.values()) == [2.0]


def test_on_cuda_the_device_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    device = torch.device("cuda", 0)
    profiling.Profile(device).now()
    assert waited == [device]
