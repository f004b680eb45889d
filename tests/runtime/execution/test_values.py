"""The value domain, a step and a node at a time: memory does not grow, and probes see what the other executors show."""

import pytest
import torch

from onnx2snn_runtime.dynamics.base import make_dynamics
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.execution.base import Settings, make_execution
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.probing.probes import EventCounter
from tests.runtime.networks import CNN, network, sample


def test_values_inside_the_loop_are_let_go() -> None:
    snn = network(CNN)
    execution = ValueExecution(snn.program, Settings(Differential()))
    x = torch.from_numpy(sample(snn, 2)["x"])
    execution.set_inputs({"x": x})
    sizes = []
    for _ in range(3):
        execution.advance()
        sizes.append(len(execution.frame.values))
    assert sizes[0] == sizes[1] == sizes[2]
    assert "c" not in execution.frame.values
    assert "r" not in execution.frame.values
    before = dict(execution.frame.values)
    first, second = execution.outputs()["y"], execution.outputs()["y"]
    assert torch.equal(first, second)
    assert before.keys() == execution.frame.values.keys()


@pytest.mark.parametrize("name", ["differential", "ternary", "signgd", "if", "subgradient"])
def test_a_kernel_and_the_dynamics_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    snn = network(CNN)
    x, made = torch.from_numpy(sample(snn, 3)["x"]), []
    for spikes in (False, True):
        monkeypatch.setattr(EventCounter, "needs_spikes", spikes)
        counter = EventCounter(3, snn.program.defaults.batch)
        execution = ValueExecution(snn.program, Settings(make_dynamics(name), probes=(counter,)))
        made.append((execution.run({"x": x}, [], [1, 2, 7]), counter.table(7)))
    for t, outputs in made[0][0].items():
        torch.testing.assert_close(outputs["y"], made[1][0][t]["y"])
    assert {k: v.tolist() for k, v in made[0][1].items()} == {k: v.tolist() for k, v in made[1][1].items()}


def test_delayed_spikes_are_run_in_it() -> None:
    snn = network(CNN)
    settings = Settings(Differential(), delay=1)
    assert type(make_execution("layer", snn.program, settings)) is ValueExecution
    assert type(make_execution("step", snn.program, settings)) is ValueExecution
    assert type(make_execution("event", snn.program, settings)) is not ValueExecution
