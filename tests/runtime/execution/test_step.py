"""The value domain: the equations of a step by hand, and memory that does not grow."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.dynamics.differential import Differential, quantise
from onnx2snn_runtime.errors import RegistryError
from onnx2snn_runtime.execution.base import Settings, make_execution
from tests.runtime.networks import CNN, MLP, network, sample


def test_a_step_is_the_equation() -> None:
    snn = network(MLP, dyadic=True)
    x = torch.from_numpy(sample(snn, 2, dyadic=True)["x"])
    w, b, u = (getattr(snn.program, snn.program._names[name]) for name in "wbu")
    v = torch.zeros(2, 8)
    for t in range(1, 6):
        v = v + quantise(torch.relu(x @ w + b) - v, 4.0, 12, 1)
        assert torch.equal(snn(x, timesteps=t), v @ u)


def test_a_step_at_a_time_whatever_is_asked() -> None:
    snn = network(CNN)
    x = torch.from_numpy(sample(snn, 2)["x"])
    execution = make_execution("step", snn.program, Settings(Differential(), chunk=16))
    execution.set_inputs({"x": x})
    made = execution.run_steps(5, [2, 5])
    assert [*made] == [2, 5]
    assert execution.t == 5
    assert {len(execution.frame.values[name]) for name in execution.frame.values if name in snn.program.varying} == {1}
    for t, outputs in made.items():
        assert torch.equal(outputs["y"], snn(x, timesteps=t))


def test_the_network_goes_to_the_plain_one() -> None:
    snn = network(CNN).to(torch.float64)
    x = torch.from_numpy(sample(snn, 3)["x"]).double()
    p = {name: getattr(snn.program, key) for name, key in snn.program._names.items()}
    h = torch.relu(torch.nn.functional.conv2d(x, p["w"], p["b"], padding=1))
    g = torch.relu(torch.nn.functional.conv2d(h, p["u"], padding=1) + h)
    expected = g.mean((2, 3)) @ p["o"]
    error = [float((snn(x, timesteps=t) - expected).norm() / expected.norm()) for t in (1, 2, 4, 8, 16)]
    assert error == sorted(error, reverse=True)
    assert error[2] < 0.05
    assert error[-1] < 1e-3


def test_an_unknown_executor() -> None:
    snn = network(MLP)
    with pytest.raises(RegistryError, match="there is no executor 'steps': did you mean 'step'"):
        snn.run(np.zeros((1, 4), np.float32), executor="steps")
