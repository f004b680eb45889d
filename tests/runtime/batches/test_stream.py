"""Streams: frames go on from one another, and what they sent and computed is told for each of them."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, LAYERS, PRODUCT, network, sample

T = 5
SPIKING = {"encoder": "differential", "spiking_inputs": ("x",), "input_scales": {"x": 4.0}}
CASES = {
    **{f"{name}, direct": (text, {}) for name, text in LAYERS.items()},
    "cnn, spiking input": (CNN, SPIKING),
    "product, spiking input": (PRODUCT, SPIKING),
    "cnn, delayed": (CNN, {"delay": 1}),
    "cnn, fixed batch": (CNN.replace("[N, 2", "[4, 2"), {"batch": 4}),
    "cnn, if": (CNN, {"dynamics": "if"}),
}


def moving(snn: SpikingModel, batch: int = 3) -> dict[str, np.ndarray]:
    """Return T frames that move a little; whole numbers, and inputs without a fraction, stay as they are."""
    first, there = sample(snn, batch), sample(snn, batch, seed=2)
    return {
        name: np.stack([x + 0.1 * t * there[name] if x.dtype.kind == "f" else x for t in range(T)]).astype(x.dtype)
        for name, x in first.items()
    }


def frames(x: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    return [{name: value[t] for name, value in x.items()} for t in range(T)]


def alike(one: Any, other: Any) -> bool:
    one, other = (made if isinstance(made, dict) else {"": made} for made in (one, other))
    return all(np.allclose(one[name], other[name], atol=1e-5) for name in one)


@pytest.mark.parametrize("label", CASES)
def test_a_stream_is_a_run_of_moving_inputs(label: str) -> None:
    text, defaults = CASES[label]
    snn = network(text, **defaults)
    x = moving(snn)
    run = snn.run(x, range(1, T + 1), executor="step", operations=True)
    before = {"events": 0, "operations": 0.0, "adds": 0.0, "dense": 0.0}
    with snn.stream(operations=True) as stream:
        for t, frame in enumerate(frames(x), 1):
            assert alike(stream(frame), run.outputs[t]), t
            whole, last = run.operations[t], stream.last
            assert last.index == t
            assert last.events == run.events[t] - before["events"]
            assert last.operations.events == last.events
            assert last.operations.synaptic_operations == pytest.approx(
                whole.synaptic_operations - before["operations"], abs=1e-6
            )
            assert last.operations.shift_adds == pytest.approx(whole.shift_adds - before["adds"], abs=1e-6)
            assert sum(last.operations_by_population.values()) == pytest.approx(last.operations.synaptic_operations)
            assert last.silent == pytest.approx(1 - last.events / (3 * run.neurons))
            before = {"events": run.events[t], "operations": whole.synaptic_operations, "adds": whole.shift_adds}


def test_shares_by_population() -> None:
    snn = network(CNN, **SPIKING)
    stream = snn.stream(timesteps=2, operations=True)
    for frame in frames(moving(snn)):
        stream(frame)
    last = stream.last
    assert set(last.operations_by_population) == {"x", *snn.population_names()}
    assert set(last.silent_by_population) == set(snn.population_names()) == set(stream.events)
    for name, share in last.silent_by_population.items():
        neurons = {"neuron_h": 64, "neuron_g": 64}[name]
        assert share == pytest.approx(1 - last.events_by_population[name] / (3 * neurons * 2))


def test_a_frame_that_does_not_change_costs_nothing() -> None:
    snn = network(CNN, **SPIKING)
    snn.set_defaults(input_dead_zones={"x": 0.05})
    x = {"x": np.round(sample(snn, 2)["x"] * 2) / 2}  # payloads say these exactly
    stream = snn.stream(timesteps=12, operations=True)
    stream(x)
    assert stream.last.operations.synaptic_operations > 0
    again = stream({"x": x["x"] + 0.1})  # of a scale of 4: below the dead zone
    assert stream.last.events == stream.last.operations.synaptic_operations == 0
    assert stream.last.silent == 1.0
    assert np.array_equal(again, stream(x))


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (CNN, {}),
        (PRODUCT, {}),
        (CNN, {"dynamics": "ternary"}),
        (PRODUCT, {"dynamics": "signgd"}),
        (CNN, {"dynamics": "signgd", "dynamics_options": {"momentum": 0.5}, "encoder": "spike"}),
        (CNN, {"dynamics": "if", "encoder": "spike"}),
    ],
)
def test_a_stream_goes_on_from_its_state(text: str, own: dict[str, Any], tmp_path: Path) -> None:
    snn = network(text, **SPIKING)
    x = frames(moving(snn))
    stream = snn.stream(timesteps=2, operations=True, **own)
    for frame in x[:3]:
        stream(frame)
    np.savez(tmp_path / "state.npz", **stream.state())
    copied = pickle.loads(pickle.dumps(stream))
    other = snn.stream(timesteps=2, operations=True, **own)
    other.restore(np.load(tmp_path / "state.npz"))
    for frame in x[3:]:
        expected, wanted = stream(frame), stream.last
        for each in (copied, other):
            np.testing.assert_allclose(each(frame), expected, atol=1e-5)  # estimates may lie in another order of axes
            assert each.last.index == wanted.index
            assert each.last.events_by_population == pytest.approx(wanted.events_by_population, rel=0.02)
            found, counted = each.last.operations, wanted.operations
            assert found.synaptic_operations == pytest.approx(counted.synaptic_operations, rel=0.02)


@pytest.mark.parametrize("executor", ["layer", "step", "event"])
def test_all_executors_stream(executor: str) -> None:
    snn = network(CNN, dyadic=True, **SPIKING)
    x = {"x": np.round(moving(snn)["x"] * 8) / 8}
    stream, reference = snn.stream(executor=executor), snn.stream()
    for frame in frames(x):
        assert alike(stream({"x": frame["x"].astype(np.float32)}), reference({"x": frame["x"].astype(np.float32)}))


def test_streams_side_by_side() -> None:
    snn = network(CNN, **SPIKING)
    x = frames(moving(snn))
    together = snn.stream(operations=True)
    alone = [snn.stream(operations=True) for _ in range(3)]
    for frame in x:
        y = together(frame)
        for i, stream in enumerate(alone):
            np.testing.assert_allclose(stream({"x": frame["x"][i : i + 1]}), y[i : i + 1], atol=1e-5)
        assert together.last.events == sum(stream.last.events for stream in alone)
        total = sum(stream.last.operations.synaptic_operations for stream in alone)
        assert together.last.operations.synaptic_operations == pytest.approx(total)


def test_a_jump_begins_anew() -> None:
    snn = network(CNN, **SPIKING)
    x = frames(moving(snn))
    jump = {"x": -3 * x[0]["x"]}
    stream, fresh = snn.stream(reset_above=0.8, operations=True), snn.stream(operations=True)
    stream(x[0])
    stream(x[1])
    assert stream.last.reset == ()
    assert np.array_equal(stream(jump), fresh(jump))
    assert stream.last.reset == (0, 1, 2)
    assert stream.last.operations == fresh.last.operations
    one = {"x": np.concatenate([-jump["x"][:1], jump["x"][1:]])}
    y = stream(one)
    assert stream.last.reset == (0,)
    alone = snn.stream()
    np.testing.assert_allclose(y[:1], alone({"x": one["x"][:1]}), atol=1e-5)
    np.testing.assert_allclose(y[1:], fresh(jump)[1:], atol=1e-5)


def test_a_network_with_a_live_stream_is_copied() -> None:
    snn = network(CNN)
    x = sample(snn, 2)
    snn.step(x)
    copied = pickle.loads(pickle.dumps(snn))
    assert np.array_equal(copied.step(x), snn.step(x))
    with pytest.raises(InputError, match=r"chosen at the first step: call reset\(\)"):
        copied.step(x, dynamics="ternary")


def test_outputs_are_the_callers_own() -> None:
    snn = network("""net (float[N, 4] x) => (float[N, 4] h) <float[4, 4] w>
    { a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a) }""")
    x, stream = torch.from_numpy(sample(snn, 2)["x"]), snn.stream()
    first = stream(x)
    first.fill_(7.0)
    assert not (stream(x) == 7.0).any()


def test_streams_that_make_no_sense() -> None:
    snn = network(CNN, **SPIKING)
    x = sample(snn, 2)
    stream = snn.stream()
    with pytest.raises(InputError, match="no frame has come to the stream yet: give it one first"):
        _ = stream.last
    with pytest.raises(InputError, match="no frame has come to the stream yet: there is no state"):
        stream.state()
    stream(x)
    with pytest.raises(InputError, match=r"3 samples came to a stream of 2: call reset\(\) to start anew"):
        stream(sample(snn, 3))
    with pytest.raises(InputError, match="reset_above is -1: give a relative change above 0"):
        snn.stream(reset_above=-1)
    with pytest.raises(InputError, match="this is no state of a stream: give what"):
        stream.restore({"a": np.zeros(2)})
    with pytest.raises(InputError, match="the state is of another network: only one of both has the population"):
        network(PRODUCT).stream().restore(stream.state())
    other = snn.stream()
    other.restore(stream.state())
    with pytest.raises(InputError, match=r"the state is of 2 samples of .*, and the frame is of 3"):
        other(sample(snn, 3))
    if_stream = network(CNN, dynamics="if").stream(reset_above=0.5)
    if_stream({"x": x["x"]})
    with pytest.raises(InputError, match="one stream of several cannot begin anew here"):
        if_stream({"x": np.concatenate([x["x"][:1], -x["x"][1:]])})


FREE = """net (float[N, M, 4] x) => (float[N, M, 3] y) <float[4, 3] w>
{ h = onnx2snn.SpikingRelu(x)  y = MatMul(h, w) }"""


def test_a_frame_of_another_size() -> None:
    snn = network(FREE)
    stream = snn.stream()
    stream({"x": np.zeros((1, 5, 4), np.float32)})
    with pytest.raises(InputError, match=r"a frame of the shape \(1, 6, 4\) came to a stream of \(1, 5, 4\) \('x'\)"):
        stream({"x": np.zeros((1, 6, 4), np.float32)})
