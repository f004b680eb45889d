"""Early exit: what is settled stays, what is stable leaves, and the rest is not disturbed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import CNN, CONTROL, LAYERS, MLP, network, sample

STEPS = [1, 2, 5, 12, 40]
TRAINED = Path(__file__).parents[3] / "models" / "trained"


@pytest.mark.parametrize("executor", ["layer", "step"])
@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("name", [name for name in LAYERS if name != "product"])
def test_settled_is_the_full_run_to_the_bit(name: str, executor: str, every: int) -> None:
    snn = network(LAYERS[name], dyadic=True)
    x = sample(snn, 9, dyadic=True)
    full = snn.run(x, STEPS, executor=executor, operations=True)
    run = snn.run(x, STEPS, executor=executor, operations=True, early_exit="settled", exit_every=every)
    assert full.steps_taken.tolist() == [40] * 9
    assert run.steps_taken.max() < 12
    assert every > 1 or run.steps_taken.unique().numel() > 1
    for t in STEPS:
        outputs, expected = (
            r.outputs[t] if isinstance(r.outputs[t], dict) else {"": r.outputs[t]} for r in (run, full)
        )
        for key, value in expected.items():
            np.testing.assert_array_equal(outputs[key], value)
    assert run.events == full.events
    assert (run.neurons, run.events_per_neuron) == (full.neurons, full.events_per_neuron)
    assert run.synaptic_operations == full.synaptic_operations


def test_a_sample_takes_as_many_steps_as_alone() -> None:
    snn = network(CNN, dyadic=True)
    x = sample(snn, 5, dyadic=True)["x"]
    together = snn.run(x, 40, early_exit="settled").steps_taken.tolist()
    alone = [int(snn.run(x[i : i + 1], 40, early_exit="settled").steps_taken) for i in range(5)]
    parts = snn.run(x, 40, early_exit="settled", batch_size=2).steps_taken.tolist()
    assert together == alone == parts


def test_settled_means_that_the_last_step_was_silent() -> None:
    snn = network(MLP, dyadic=True)
    x = sample(snn, 1, dyadic=True)["x"]
    taken = int(snn.run(x, 40, early_exit="settled").steps_taken)
    events = snn.run(x, 40, probes=["events"]).probes["events"]["neuron_h"]
    assert events[taken - 2] > 0
    assert events[taken - 1 :].sum() == 0


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("every", [1, 3])
def test_stable_is_the_first_output_that_stayed(steps: int, every: int) -> None:
    snn = network(CNN, seed=3)
    x = sample(snn, 50)["x"]
    full = snn.run(x, list(range(1, 13)))
    run = snn.run(x, list(range(1, 13)), early_exit="stable", stable_steps=steps, exit_every=every)
    top = np.stack([full.outputs[t].argmax(1) for t in range(1, 13)])
    for i, taken in enumerate(run.steps_taken.tolist()):
        wanted = next((t for t in range(steps, 13) if len(set(top[t - steps : t, i])) == 1), 12)
        assert taken == wanted
        for t in range(1, 13):
            np.testing.assert_allclose(run.outputs[t][i], full.outputs[min(t, taken)][i], rtol=1e-5, atol=1e-6)


def test_a_fixed_batch_stays_whole() -> None:
    free, fixed = network(CNN, dyadic=True), network(CNN, dyadic=True, batch=4)
    x = sample(free, 6, dyadic=True)["x"]
    run = fixed.run(x, STEPS, early_exit="settled")
    assert run.steps_taken.max() < 40
    for t in STEPS:
        np.testing.assert_array_equal(run.outputs[t], free.run(x, t).outputs[t])
    stable = free.run(x, STEPS, early_exit="stable", stable_steps=3)
    together = fixed.run(x, STEPS, early_exit="stable", stable_steps=3)
    assert stable.steps_taken.tolist() == together.steps_taken.tolist()
    np.testing.assert_array_equal(stable.outputs[40], together.outputs[40])


def test_samples_that_lie_in_blocks_stay_together() -> None:
    text = """blocks (float[N, 2, 4] x) => (float[N, 3] y)
    <int64[2] s = {-1, 4}, int64[3] z = {-1, 2, 4}, float[4, 3] u>
    { r = Reshape(x, s)  h = onnx2snn.SpikingRelu(r)  b = Reshape(h, z)  m = ReduceMean<axes = [1], keepdims = 0>(b)
      y = MatMul(m, u) }"""
    snn = network(text, dyadic=True)
    x = sample(snn, 4, dyadic=True)["x"]
    run = snn.run(x, 30, early_exit="settled")
    assert run.steps_taken.unique().numel() == 1
    np.testing.assert_array_equal(run.outputs[30], snn.run(x, 30).outputs[30])


ONE_NUMBER = {
    "a number a sample": """one (float[N, 4] x) => (float[N] y) <float[4, 4] w, float[1] k>
    { a = MatMul(x, w)  m = ReduceMean<axes = [1], keepdims = 0>(a)  h = onnx2snn.SpikingTanh(m)  y = Mul(h, k) }""",
    "a number a sample among maps": """two (float[N, 4] x) => (float[N] y, float[N, 4] z) <float[4, 4] w, float[1] k>
    { a = MatMul(x, w)  r = onnx2snn.SpikingRelu(a)  m = ReduceMean<axes = [1], keepdims = 0>(r)
      h = onnx2snn.SpikingTanh(m)  y = Mul(h, k)  z = MatMul(r, w) }""",
    "an output with its samples inside": """inside (float[N, 4] x) => (float[4, N] y) <float[4, 4] w>
    { a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  y = Transpose<perm = [1, 0]>(h) }""",
    "a population across samples": """across (float[N, 4] x) => (float[N, 4] y) <float[4, 4] w>
    { a = MatMul(x, w)  m = ReduceMean<axes = [0], keepdims = 0>(a)  h = onnx2snn.SpikingRelu(m)
      g = onnx2snn.SpikingRelu(a)  y = Sub(g, h) }""",
    "one number of all": """all (float[N, 4] x) => (float y) <float[4, 4] w>
    { a = MatMul(x, w)  m = ReduceMean<keepdims = 0>(a)  y = onnx2snn.SpikingRelu(m) }""",
}


@pytest.mark.parametrize("executor", ["layer", "step"])
@pytest.mark.parametrize("operations", [False, True])
@pytest.mark.parametrize("name", ONE_NUMBER)
def test_samples_may_lie_anywhere(name: str, operations: bool, executor: str) -> None:
    snn = network(ONE_NUMBER[name], dyadic=True)
    x = sample(snn, 9, dyadic=True)
    options = {"executor": executor, "operations": operations}
    full, run = snn.run(x, STEPS, **options), snn.run(x, STEPS, early_exit="settled", **options)
    assert run.steps_taken.max() < 40
    for t in STEPS:
        pairs = zip(flat(run.outputs[t]), flat(full.outputs[t]), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs), t
    assert (run.events, run.synaptic_operations) == (full.events, full.synaptic_operations)


def flat(outputs: object) -> list[np.ndarray]:
    return list(outputs.values()) if isinstance(outputs, dict) else [outputs]


def test_control_values_leave_with_their_samples() -> None:
    snn = network(CONTROL, dyadic=True)
    x = sample(snn, 30, dyadic=True)
    run = snn.run(x, [3, 20], early_exit="stable")
    assert run.steps_taken.unique().numel() > 1
    assert run.outputs[20].shape == (30, 4)


def test_signgd_may_be_stable() -> None:
    snn = network(MLP)
    run = snn.run(sample(snn, 20)["x"], 60, dynamics="signgd", early_exit="stable", stable_steps=8, executor="step")
    assert 8 <= run.steps_taken.min() < run.steps_taken.max() <= 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"early_exit": "soon"}, "there is no early exit 'soon': choose settled or stable"),
        ({"early_exit": "stable", "stable_steps": 0}, "stable_steps is 0 and exit_every 1: give whole numbers from 1"),
        ({"early_exit": "settled", "exit_every": 0}, "stable_steps is 2 and exit_every 0: give whole numbers from 1"),
        ({"early_exit": "stable", "executor": "event"}, "the executor 'event' runs to the end"),
        ({"early_exit": "stable", "probes": ["spikes"]}, "the probe 'spikes' records every sample at every step"),
        ({"early_exit": "settled", "dynamics": "signgd"}, "the dynamics SignGD never settles"),
        (
            {"early_exit": "stable", "dynamics": "subgradient", "operations": True},
            "operations of dynamics whose receivers filter are counted to the end",
        ),
    ],
)
def test_what_cannot_be_left_early(options: dict, message: str) -> None:
    snn = network(MLP)
    with pytest.raises(InputError, match=message):
        snn.run(sample(snn, 2)["x"], 4, **options)


@pytest.mark.parametrize("dynamics", ["subgradient", "if", "lif"])
def test_averages_leave_with_their_memories(dynamics: str) -> None:
    snn = network(CNN, dyadic=True)
    x = sample(snn, 20, dyadic=True)["x"]
    full = snn.run(x, list(range(1, 21)), dynamics=dynamics)
    run = snn.run(x, 20, dynamics=dynamics, early_exit="stable", stable_steps=4)
    assert run.steps_taken.unique().numel() > 1
    for i, taken in enumerate(run.steps_taken.tolist()):
        np.testing.assert_allclose(run.outputs[20][i], full.outputs[taken][i], rtol=1e-5, atol=1e-6)


def test_delayed_spikes() -> None:
    snn = network(CNN, dyadic=True)
    x = sample(snn, 9, dyadic=True)["x"]
    run = snn.run(x, 40, delay=1, early_exit="settled")
    assert run.steps_taken.min() < 20
    np.testing.assert_array_equal(run.outputs[40], snn.run(x, 40, delay=1).outputs[40])


def test_inputs_that_move() -> None:
    snn = network(MLP)
    with pytest.raises(InputError, match="the input 'x' varies in time: early exit is for inputs that stand still"):
        snn.run(sample(snn, 2, time=4)["x"], 4, early_exit="settled")


@pytest.mark.parametrize("batch_size", [None, 1, 4])
def test_an_encoder_that_still_sends_is_not_settled(batch_size: int | None) -> None:
    text = """net (float[N, 4] x) => (float[N, 4] y) <float[4] c = {-90, -90, -90, -90}>
    { a = Add(x, c)  h = onnx2snn.SpikingRelu(a)  z = Neg(x)  y = Add(z, h) }"""
    snn = network(text, encoder="differential", spiking_inputs=("x",))
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    run = snn.run(x, 30, early_exit="settled", batch_size=batch_size)  # its populations are always silent
    assert 1 < run.steps_taken.min() <= run.steps_taken.max() < 30
    np.testing.assert_allclose(run.outputs[30], snn.run(x, 30).outputs[30], rtol=1e-6)


def test_an_encoder_that_never_settles() -> None:
    snn = network(MLP, encoder="float", spiking_inputs=("x",))
    with pytest.raises(InputError, match="the encoder Float never settles"):
        snn.run(sample(snn, 2)["x"], 4, early_exit="settled")


def test_stable_wants_classes() -> None:
    snn = network("one (float[N, 4] x) => (float y) { h = onnx2snn.SpikingRelu(x)  y = ReduceMean<keepdims = 0>(h) }")
    with pytest.raises(InputError, match="no classes for each of 3 samples: choose early_exit='settled'"):
        snn.run(sample(snn, 3)["x"], 4, early_exit="stable")


def test_half_the_steps_on_images() -> None:
    """Mean T below 2.5 of 8 at the same accuracy."""
    from models.data import load
    from onnx2snn import convert

    data = load("mnist")
    x, labels = data.test_image[:400], data.test_label[:400]
    snn: SpikingModel = convert(TRAINED / "mnist_mlp.onnx", calibration=data.train_image[:128])
    full, run = snn.run(x, 8), snn.run(x, 8, early_exit="stable")
    assert run.steps_taken.double().mean() < 2.5
    accuracy = [np.mean(r.outputs[8].argmax(1) == labels) for r in (full, run)]
    assert abs(accuracy[0] - accuracy[1]) <= 0.0026  # one image
    settled = snn.run(x, 16, early_exit="settled")
    expected = snn.run(x, 16)
    assert settled.steps_taken.double().mean() < 8
    np.testing.assert_allclose(settled.outputs[16], expected.outputs[16], atol=0.02)
    assert torch.equal(
        torch.from_numpy(settled.outputs[16]).argmax(1), torch.from_numpy(expected.outputs[16]).argmax(1)
    )
