"""Inputs that move run in the executor `layer`, a chunk of frames at once, as they do step by step."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.batches import run as runs
from onnx2snn_runtime.batches.memory import MemoryPlan
from tests.runtime.networks import CNN, CONTROL, LAYERS, PRODUCT, network, sample

T = 6
SPIKING = {"encoder": "differential", "spiking_inputs": ("x",), "input_scales": {"x": 4.0}}
SHAPES = """net (float[N, 2, 4] x, float[N, 4] m) => (float[N, 8] y, float[N, 2, 4] z)
<float[8, 8] w, int64[1] zero = {0}, float low = {0}, int64[1] one = {1}>
{ s = Shape<start = 0, end = 1>(x)  e = Size(m)  k = Cast<to = 1>(e)  v = Div(x, k)  t = Exp(v)
  a = Abs(m)  top = ReduceMax<keepdims = 0>(a)  h = onnx2snn.SpikingClip(t, low, top)
  r = Constant<value = int64[1] {8}>()  c = Concat<axis = 0>(s, r)  f = Reshape(h, c)  y = MatMul(f, w)
  q = Unsqueeze(m, one)  z = Mul(h, q) }
"""
CASES = {**{name: (text, {}) for name, text in LAYERS.items()}, "spiking": (CNN, SPIKING), "shapes": (SHAPES, {}),
         "spiking product": (PRODUCT, SPIKING), "ternary": (CNN, {"dynamics": "ternary"}),
         "fixed": (CNN.replace("[N, 2", "[2, 2"), {"batch": 2})}  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 4, 6])
@pytest.mark.parametrize("label", CASES)
def test_a_chunk_of_frames_at_once(label: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text, defaults = CASES[label]
    snn = network(text, **defaults)
    x = sample(snn, 3, time=T)
    expected = snn.run(x, range(1, T + 1), executor="step", probes=["values", "events"])
    monkeypatch.setattr(runs, "plan_memory", lambda *_: MemoryPlan(3 if not snn.defaults.batch else 2, chunk))
    for probes in (["events"], ["values", "events"]):
        run = snn.run(x, range(1, T + 1), probes=probes)
        for t in range(1, T + 1):
            one, other = (
                r.outputs[t] if isinstance(r.outputs[t], dict) else {"": r.outputs[t]} for r in (run, expected)
            )
            for name in one:
                np.testing.assert_allclose(one[name], other[name], atol=1e-5)
        assert run.events == expected.events
        for probe in probes:
            for name, values in run.probes[probe].items():
                torch.testing.assert_close(values, expected.probes[probe][name], atol=1e-5, rtol=1e-5)


def test_only_some_inputs_move() -> None:
    snn = network(CONTROL)
    x = sample(snn, 2)
    still = {**x, "x": np.stack([x["x"]] * T)}
    np.testing.assert_array_equal(snn(still, timesteps=T), snn(x, timesteps=T))
    moving = {**x, "m": sample(snn, 2, time=T)["m"]}
    assert torch.equal(
        torch.as_tensor(snn(moving, timesteps=T)), torch.as_tensor(snn(moving, timesteps=T, executor="step"))
    )


def test_operations_of_moving_inputs_are_those_of_steps() -> None:
    for text, defaults in (CASES["product"], CASES["spiking"], CASES["cnn"]):
        snn = network(text, **defaults)
        x = sample(snn, 3, time=T)
        made, expected = (snn.run(x, T, operations=True, executor=name).operations[T] for name in ("layer", "step"))
        assert made.synaptic_operations == pytest.approx(expected.synaptic_operations)
        assert made.shift_adds == pytest.approx(expected.shift_adds)


def test_parameters_that_change_reach_moving_runs() -> None:
    snn = network(CNN)
    x = sample(snn, 2, time=T)
    before = snn.run(x, T).events[T]
    snn.set_population("neuron_h", dead_zone=0.2)
    after = snn.run(x, T)
    assert after.events[T] < before
    assert after.events[T] == snn.run(x, T, executor="step").events[T]


def test_a_decoder_with_a_bias_is_run_frame_by_frame() -> None:
    snn = network(CNN, dynamics="subgradient")
    x = sample(snn, 2, time=T)
    np.testing.assert_allclose(snn(x, timesteps=T), snn(x, timesteps=T, executor="step"), atol=1e-5)
