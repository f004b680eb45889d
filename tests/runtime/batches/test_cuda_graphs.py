"""CUDA graphs: what is captured when, and that a replay gives what a run gives; no wait inside the time loop."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from onnx2snn_runtime.batches import cuda_graphs
from onnx2snn_runtime.batches.cuda_graphs import GraphResult, run_graphed
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.execution.base import Settings, make_execution
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Frame, gather
from onnx2snn_runtime.program.program import Program
from tests.runtime.networks import CNN, LAYERS, MLP, network, sample


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stand in for a device: a replay computes again, into what the capture left."""
    made: list[int] = []

    def capture(function: Callable[[], GraphResult]) -> tuple[Callable[[], None], GraphResult]:
        result = function()
        made.append(1)

        def replay() -> None:
            again = function()
            for t, out in again.outputs.items():
                for name, value in out.items():
                    result.outputs[t][name].copy_(value)
            for name, counts in again.events.items():
                result.events[name].copy_(counts)

        return replay, result

    monkeypatch.setattr(cuda_graphs, "capture", capture)
    monkeypatch.setattr(cuda_graphs, "check", lambda option, program: None)
    monkeypatch.setattr("onnx2snn_runtime.batches.run.check", lambda option, program: None)
    return made


def test_a_replay_is_a_run(captures: list[int]) -> None:
    snn = network(MLP)
    for seed in (1, 2, 3):
        x = sample(snn, 4, seed=seed)["x"]
        expected, found = snn.run(x, [1, 4]), snn.run(x, [1, 4], cuda_graphs=True)
        for t in (1, 4):
            np.testing.assert_array_equal(found.outputs[t], expected.outputs[t])
        assert found.events == expected.events
        assert found.neurons == expected.neurons
        assert found.steps_taken.tolist() == [4] * 4
    assert len(captures) == 1
    (captured,) = cuda_graphs._GRAPHS[snn.program].captured.values()
    assert captured.kept_alive == list(snn.program.shapes.entries.values())  # a graph reads it: it must not be let go


def test_results_are_not_overwritten(captures: list[int]) -> None:
    snn = network(MLP)
    first = snn(torch.from_numpy(sample(snn, 4)["x"]), timesteps=4, cuda_graphs=True)
    kept = first.clone()
    snn(torch.from_numpy(sample(snn, 4, seed=9)["x"]), timesteps=4, cuda_graphs=True)
    assert torch.equal(first, kept)


def test_what_makes_a_new_capture(captures: list[int]) -> None:
    snn = network(MLP)
    x = sample(snn, 4)["x"]
    for count, change in enumerate(
        (
            lambda: None,
            lambda: snn.set_population("neuron_h", levels=9),
            lambda: snn.set_defaults(dynamics="signgd"),
            lambda: snn.to(torch.float64),
        ),
        start=1,
    ):
        change()
        snn.run(x, 4, cuda_graphs=True)
        snn.run(x, 4, cuda_graphs=True)
        assert len(captures) == count
    snn.run(x, 5, cuda_graphs=True)
    snn.run(x[:3], 4, cuda_graphs=True)
    assert len(captures) == 6


def test_captures_that_are_not_used_go(captures: list[int]) -> None:
    snn = network(MLP)
    x = sample(snn, 20)["x"]
    for size in range(1, cuda_graphs.KEPT + 2):
        snn.run(x[:size], 2, cuda_graphs=True)
    snn.run(x[:1], 2, cuda_graphs=True)
    assert len(captures) == cuda_graphs.KEPT + 2


@pytest.mark.parametrize("options", [{"early_exit": "stable"}, {"operations": True}, {"probes": ["spikes"]}])
def test_runs_that_are_not_captured(captures: list[int], options: dict) -> None:
    snn = network(MLP)
    snn.run(sample(snn, 4)["x"], 4, cuda_graphs=True, **options)
    assert not captures


def test_auto_is_for_the_second_run_of_a_small_batch_on_cuda(
    captures: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = network(MLP).program
    work = lambda inputs: GraphResult({}, {}, {})  # noqa: E731
    small, large = {"x": torch.zeros(2, 4)}, {"x": torch.zeros(cuda_graphs.SMALL + 1, 4)}
    assert run_graphed(program, "auto", [], small, work) is None
    monkeypatch.setattr(Program, "device", torch.device("cuda"))
    assert run_graphed(program, "auto", [], small, work) is None
    assert run_graphed(program, "auto", [], small, work) is not None
    assert run_graphed(program, "auto", [], large, work) is None
    assert run_graphed(program, "auto", [], large, work) is None
    assert len(captures) == 1


def test_options() -> None:
    snn = network(MLP)
    x = sample(snn, 2)["x"]
    with pytest.raises(InputError, match="cuda_graphs is 'yes': choose True, False or 'auto'"):
        snn.run(x, 2, cuda_graphs="yes")
    with pytest.raises(InputError, match="cuda_graphs needs a CUDA device, the model is on cpu"):
        snn.run(x, 2, cuda_graphs=True)
    assert snn.run(x, 2, cuda_graphs="auto").outputs[2].shape == (2, 3)


@pytest.fixture
def tf32() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.usefixtures("tf32")
@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_allowed_or_not(allowed: bool) -> None:
    place(network(MLP), "cpu", allow_tf32=allowed)
    place(network(MLP), "cpu")
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == allowed


@pytest.mark.parametrize("executor", ["layer", "step"])
def test_channels_last(executor: str) -> None:
    plain, turned = network(CNN, dyadic=True), place(network(CNN, dyadic=True), "cpu", channels_last=True)
    x = sample(plain, 3, dyadic=True)["x"]
    run = turned.run(x, 4, executor=executor, probes=["events"])
    expected = plain.run(x, 4, executor=executor)
    np.testing.assert_array_equal(run.outputs[4], expected.outputs[4])
    assert run.events == expected.events
    (weight, *_) = [v for v in turned.program.buffers() if v.ndim == 4]
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()


def test_shape_arithmetic_stays_on_the_host() -> None:
    text = """shapes (float[N, 4] x) => (float[N, 2, 4] y) <int64[1] two = {2}, int64[1] minus = {-1}, float[4, 8] w>
    { h = onnx2snn.SpikingRelu(x)  g = MatMul(h, w)  s = Shape<end = 1>(g)  c = Concat<axis = 0>(s, two, minus)
      y = Reshape(g, c) }"""
    program = network(text).program
    items = {item.op_type: item for item in (*program.loop, *program.tail) if item.op_type in ("Concat", "Reshape")}
    frame = Frame(torch.float32, torch.device("meta"), host={"two": [2], "minus": [-1]})
    on_device = {name: torch.zeros(1, dtype=torch.int64, device="meta") for name in ("two", "minus")}
    frame.values.update(on_device, s=torch.tensor([3]), g=torch.zeros(3, 8, device="meta"))
    assert [a.tolist() for a in gather(items["Concat"], frame)] == [[3], [2], [-1]]
    del frame.host["two"]
    assert all(a.device.type == "meta" for a in gather(items["Concat"], frame))


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # torch says once that it is a prototype
@pytest.mark.parametrize("executor", ["layer", "step"])
@pytest.mark.parametrize("name", LAYERS)
def test_the_loop_never_waits(name: str, executor: str) -> None:
    snn = network(LAYERS[name]).to("cuda")
    program = snn.program
    inputs = sample(snn, 3)
    given = {p.name: to_device(torch.from_numpy(inputs[p.name]), p, program) for p in program.inputs}
    with torch.no_grad():
        for mode in ("default", "error"):  # the first run compiles kernels
            execution = make_execution(executor, program, Settings(Differential()))
            execution.set_inputs(given)
            torch.cuda.set_sync_debug_mode(mode)
            try:
                execution.run_steps(4, [2, 4])
            finally:
                torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("name", LAYERS)
def test_captured_on_a_gpu(name: str, dtype: torch.dtype) -> None:
    snn = network(LAYERS[name]).to("cuda", dtype)
    for seed in (1, 2):
        x = sample(snn, 3, seed=seed)
        expected, found = snn.run(x, [1, 4]), snn.run(x, [1, 4], cuda_graphs=True)
        assert found.events == expected.events
        for t in (1, 4):
            one, other = found.outputs[t], expected.outputs[t]
            for key in one if isinstance(one, dict) else [None]:
                np.testing.assert_array_equal(one if key is None else one[key], other if key is None else other[key])


@pytest.mark.gpu
def test_what_waits_cannot_be_captured() -> None:
    with pytest.raises(ModelError, match="the run cannot be captured as a CUDA graph"):
        cuda_graphs.capture(
            lambda: GraphResult({1: {"y": torch.zeros(int(torch.ones(1, device="cuda").item()))}}, {}, {})
        )
