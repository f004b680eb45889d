"""No way of running a network waits for a CUDA device, which torch itself tells; the same on a CPU, to try the test."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.execution.base import EXECUTORS
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import to_tensor
from onnx2snn_runtime.settings import make_settings
from tests.runtime.fake_runs import SAMPLES, STEPS, WAYS, Outputs, Trial, fits
from tests.runtime.networks import LAYERS, network, sample

pytestmark = pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # torch says once that it is a prototype


@contextmanager
def waits_are_errors(device: str) -> Iterator[None]:
    """Let torch raise RuntimeError where the host waits for the device; a CPU is never waited for."""
    if device == "cpu":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def run(
    device: str, executor: str, way: str, dtype: torch.dtype = torch.float32, dynamics: str = "differential"
) -> Outputs:
    """Run a network twice, the second time where waits are errors."""
    model = network(LAYERS["cnn"], dyadic=True).to(device, dtype)  # exact in any order of sums, and in TF32
    program, overrides = model.program, {"dynamics": dynamics}
    settings = make_settings(model.defaults, overrides)
    assert fits(way, model, executor, settings)
    given = {name: to_tensor(value) for name, value in sample(model, SAMPLES, dyadic=True).items()}
    inputs = {port.name: to_device(given[port.name], port, program) for port in program.inputs}
    moving = {name: torch.stack([x] * STEPS) for name, x in inputs.items()}
    trial = Trial(model, executor, settings, overrides, inputs, moving, list(moving))
    with torch.no_grad():
        WAYS[way](trial)
        with waits_are_errors(device):
            return WAYS[way](trial)


CASES = [
    (executor, way)
    for executor in EXECUTORS
    for way in WAYS
    if fits(way, network(LAYERS["cnn"]), executor, make_settings(network(LAYERS["cnn"]).defaults, {}))
]


@pytest.mark.parametrize(("executor", "way"), CASES)
def test_every_way(executor: str, way: str) -> None:
    assert run("cpu", executor, way)


@pytest.mark.gpu
@pytest.mark.parametrize(("executor", "way"), CASES)
def test_every_way_on_a_gpu(executor: str, way: str) -> None:
    outputs, expected = run("cuda", executor, way), run("cpu", executor, way)
    for key, values in outputs.items():
        for name, y in values.items():
            assert y.is_cuda
            assert y.shape == expected[key][name].shape


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("executor", list(EXECUTORS))
def test_half_precision_on_a_gpu(executor: str, dtype: torch.dtype) -> None:
    outputs, expected = run("cuda", executor, "plain", dtype), run("cpu", executor, "plain")
    torch.testing.assert_close(outputs[STEPS]["y"].float().cpu(), expected[STEPS]["y"], rtol=0.1, atol=0.1)


@pytest.mark.gpu
@pytest.mark.parametrize("executor", list(EXECUTORS))
@pytest.mark.parametrize("dynamics", list(DYNAMICS))
def test_every_dynamics_on_a_gpu(executor: str, dynamics: str) -> None:
    for way in ("plain", "operations"):
        y = run("cuda", executor, way, dynamics=dynamics)[STEPS]["y"].cpu()
        expected = run("cpu", executor, way, dynamics=dynamics)[STEPS]["y"]
        assert y.shape == expected.shape
        assert y.isfinite().all()
        if dynamics == "differential":  # what others send is not exact: the last bit may decide a spike
            torch.testing.assert_close(y, expected)
