"""A run by kernels is the run by steps: no probe here sees spikes, so that kernels are used wherever there is one."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Dynamics, make_dynamics
from onnx2snn_runtime.execution.base import Execution, Settings, make_execution
from onnx2snn_runtime.kernels import base
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.probing.probes import EventCounter
from onnx2snn_runtime.schedules.base import make_schedule
from tests.runtime.dynamics.cases import CASES
from tests.runtime.execution.test_dynamics import DYADIC, QUARTER, RESIDUAL, STEPS
from tests.runtime.networks import CNN, network, sample

CLIPPED = RESIDUAL.replace("Relu(a)", "Clip(a, low, top)").replace("o>", "o, float low = {0}, float top = {1.5}>")
NETWORKS = {
    "residual": RESIDUAL.replace("  y = Softmax(e)", "").replace("e = MatMul", "y = MatMul"),
    "clipped": CLIPPED.replace("  y = Softmax(e)", "").replace("e = MatMul", "y = MatMul"),
    "cnn": CNN,
}
BY_STEPS = (
    "signgd, momentum",
    "signgd, dampening",
    "signgd, nesterov",
    "signgd, weight decay",
    "signgd, r",
    "ternary, wide zone",
)


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that the names of the kernels are added to when they run."""
    names: list[str] = []
    find: Callable[..., Any] = base.find_kernel

    def found(dynamics: Dynamics, target: torch.Tensor) -> base.Kernel | None:
        kernel: base.Kernel | None = find(dynamics, target)
        names.extend([type(kernel).__name__] if kernel else [])
        return kernel

    monkeypatch.setattr(base, "find_kernel", found)
    return names


def ran(snn: SpikingModel, x: dict, executor: str, dynamics: Dynamics, chunk: int = 0) -> dict[str, torch.Tensor]:
    """Return outputs, events and last states of a run, flat."""
    counter = EventCounter(3)
    execution: Execution = make_execution(executor, snn.program, Settings(dynamics, probes=(counter,), chunk=chunk))
    inputs = {name: torch.from_numpy(value).to(snn.program.wide) for name, value in x.items()}
    with torch.no_grad():
        outputs = execution.run(inputs, (), STEPS)
    flat = {f"output {name} at {t}": value for t, out in outputs.items() for name, value in out.items()}
    flat |= {f"events {name}": counts for name, counts in counter.table(STEPS[-1]).items()}
    for name, state in execution.states.items():
        flat |= {f"state {name}, {i}": x for i, x in enumerate((state.v, *state.memory, *state.momentum))}
    return flat


def alike(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


@pytest.mark.parametrize("chunk", [0, 3])
@pytest.mark.parametrize("text", NETWORKS)
@pytest.mark.parametrize("key", DYADIC)
def test_to_the_bit_as_step(key: str, text: str, chunk: int, scanned: list[str]) -> None:
    options: dict[str, Any] = QUARTER | DYADIC[key]
    schedule = make_schedule(options["schedule"], options["schedule_options"])
    dynamics = make_dynamics(key.split(",")[0], schedule, options.get("dynamics_options"))
    snn = network(NETWORKS[text], dyadic=True).double()
    x = sample(snn, 3, dyadic=True)
    alike(ran(snn, x, "layer", dynamics, chunk), ran(snn, x, "step", dynamics))
    assert bool(scanned) == (base.KERNELS["signgd"]().missing() is None and not key.startswith(BY_STEPS))


@pytest.mark.parametrize("chunk", [0, 3])
@pytest.mark.parametrize("key", [key for key in CASES if not key.startswith("differential")])  # they stop when settled
def test_to_the_bit_without_kernels(key: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    snn = network(NETWORKS["clipped"])
    x = sample(snn, 5)
    fused = ran(snn, x, "layer", CASES[key].make(), chunk)
    monkeypatch.setattr(base, "find_kernel", lambda dynamics, target: None)
    alike(fused, ran(snn, x, "layer", CASES[key].make(), chunk))


def test_a_rectified_target_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    snn = network(CNN)
    monkeypatch.setattr(type(make_execution("layer", snn.program, Settings(CASES["if"].make()))), "_target", None)
    assert ran(snn, sample(snn, 2), "layer", CASES["if"].make())["output y at 7"].shape == (2, 3)
