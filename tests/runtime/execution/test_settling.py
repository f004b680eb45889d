"""A settled population is computed no further, and nobody can tell."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.execution.layer import LayerExecution
from onnx2snn_runtime.kernels.base import find_kernel
from onnx2snn_runtime.probing.probes import EventCounter
from onnx2snn_runtime.settings import make_settings
from tests.runtime.networks import LAYERS, network, sample

STEPS = [1, 2, 3, 5, 8, 16, 40]
pytestmark = pytest.mark.skipif(
    find_kernel(make_settings(network(LAYERS["mlp"]).defaults, {}).dynamics, torch.zeros(1, 1)) is None,
    reason="there is no kernel that sees populations settle",
)


@pytest.mark.parametrize("name", LAYERS)
def test_settled_rows_are_left_out_with_the_same_results(name: str) -> None:
    snn = network(LAYERS[name], dyadic=True)
    x = sample(snn, 5, dyadic=True)
    layer, step = (
        snn.run(x, STEPS, executor=executor, probes=["events"], operations=True) for executor in ("layer", "step")
    )
    for t in STEPS:
        for one, other in zip(np.atleast_1d(layer.outputs[t]), np.atleast_1d(step.outputs[t]), strict=True):
            np.testing.assert_equal(one, other)
    assert layer.events == step.events
    assert layer.synaptic_operations == step.synaptic_operations
    for population, events in step.probes["events"].items():
        assert torch.equal(layer.probes["events"][population], events)


def test_rows_are_left_out() -> None:
    snn = network(LAYERS["cnn"], dyadic=True)
    x = {name: torch.as_tensor(value) for name, value in sample(snn, 5, dyadic=True).items()}
    execution = LayerExecution(snn.program, make_settings(snn.defaults, {}))
    execution.set_inputs(x)
    execution.run_steps(40, [40])
    rows = {name: len(execution.frame.values[name]) for name in ("g",) if name in execution.frame.values}
    assert rows
    assert all(1 < n < 16 for n in rows.values())
    execution.run_steps(40, [80])
    assert all(len(execution.frame.values[name]) == 1 for name in rows)


def test_a_network_at_rest_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    snn = network(LAYERS["cnn"], dyadic=True)
    x = {name: torch.as_tensor(value) for name, value in sample(snn, 5, dyadic=True).items()}
    counter = EventCounter(5)
    execution = LayerExecution(snn.program, make_settings(snn.defaults, {}, [counter]))
    execution.set_inputs(x)
    moved = execution.run_steps(40, [40])[40]
    execution.run_steps(1, [])
    monkeypatch.setattr(execution, "_scan", None)
    assert torch.equal(execution.run_steps(20, [60])[60]["y"], moved["y"])
    assert [len(counts) for counts in counter.table(61).values()] == [61] * len(counter.counts)
    execution.set_inputs(x)  # who knows what the inputs are now
    with pytest.raises(TypeError):
        execution.run_steps(1, [])
