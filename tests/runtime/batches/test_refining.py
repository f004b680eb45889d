"""Frames in two passes: all streams coarsely, and those whose answer is not sure as the network is."""

from typing import Any

import numpy as np
import pytest

from onnx2snn_runtime.errors import InputError, ModelError
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.batches.test_stream import SPIKING, frames, moving
from tests.runtime.networks import CNN, PRODUCT, network

COARSE = {"dynamics_options": {"coarse": 6}, "encoder_options": {"coarse": 6}}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn": (CNN, SPIKING),
    "cnn, direct": (CNN, {}),
    "cnn, delayed": (CNN, {**SPIKING, "delay": 1}),
    "product": (PRODUCT, SPIKING),
}


def middle(snn: SpikingModel, x: list[dict[str, np.ndarray]]) -> float:
    """Return the margin of the stream in the middle after the last frame of `x`."""
    stream = snn.stream(coarse=6, margin=0.0)
    y = np.sort([stream(frame) for frame in x][-1], -1)
    return float(np.median((y[..., -1] - y[..., -2]).reshape(len(y), -1).min(1)))


def test_without_a_margin_all_is_coarse() -> None:
    snn = network(CNN, **SPIKING)
    coarse, wide = snn.stream(coarse=6, margin=0, operations=True), snn.stream(operations=True, **COARSE)
    fine = snn.stream(operations=True)
    for frame in frames(moving(snn)):
        np.testing.assert_array_equal(coarse(frame), wide(frame))
        fine(frame)
        assert coarse.last.refined == ()
        assert coarse.last.events == wide.last.events
        for what in ("layers", "steps", "events", "signed_digits"):  # a payload is as wide in both passes
            assert getattr(coarse.last.operations, what) == getattr(wide.last.operations, what)
    assert coarse.last.operations.synaptic_operations < fine.last.operations.synaptic_operations


def test_an_unsure_frame_goes_on_from_the_coarse_pass() -> None:
    snn = network(CNN, **SPIKING)
    frame = frames(moving(snn))[0]
    both, wide, plain = snn.stream(coarse=6, margin=float("inf"), operations=True), snn.stream(**COARSE), snn.stream(24)
    y = both(frame)
    assert both.last.refined == (0, 1, 2)
    assert both.last.steps_taken == 6
    assert both.last.operations.steps == 6
    first = wide(frame)
    again = snn.stream()
    again.restore(wide.state())
    np.testing.assert_array_equal(again(frame), y)
    assert both.last.events == wide.last.events + again.last.events
    expected = plain(frame)
    assert np.abs(y - expected).mean() < 0.5 * np.abs(first - expected).mean()


@pytest.mark.parametrize("label", CASES)
@pytest.mark.parametrize("executor", ["layer", "step"])
def test_streams_side_by_side_are_refined_one_by_one(label: str, executor: str) -> None:
    text, defaults = CASES[label]
    snn = network(text, **defaults)
    x = frames(moving(snn))
    options = {"coarse": 6, "margin": middle(snn, x), "operations": True, "executor": executor}
    together, alone = snn.stream(**options), [snn.stream(**options) for _ in range(3)]
    counts = []
    for frame in x:
        y = together(frame)
        for i, stream in enumerate(alone):
            one = {n: v[i : i + 1] if v.ndim and len(v) == 3 else v for n, v in frame.items()}
            np.testing.assert_allclose(stream(one), y[i : i + 1], atol=1e-5)
        assert together.last.refined == tuple(i for i, stream in enumerate(alone) if stream.last.refined)
        assert together.last.events == sum(stream.last.events for stream in alone)
        assert together.last.silent == pytest.approx(
            1 - together.last.events / sum(s.last.events / (1 - s.last.silent) for s in alone if s.last.events)
        )
        for what in ("synaptic_operations", "shift_adds", "dense_macs", "steps"):
            total = sum(getattr(stream.last.operations, what) for stream in alone)
            assert getattr(together.last.operations, what) == pytest.approx(total), what
        caused = sum(together.last.operations_by_population.values())
        assert caused == pytest.approx(together.last.operations.synaptic_operations)
        counts.append(len(together.last.refined))
    assert 0 < sum(counts) < 3 * len(x)
    assert any(0 < count < 3 for count in counts)


def test_streams_that_cannot_be_told_apart_are_all_refined() -> None:
    snn = network(CNN.replace("[N, 2", "[4, 2"), batch=4, **SPIKING)
    x = frames(moving(snn))
    stream = snn.stream(coarse=6, margin=middle(snn, x), operations=True)
    found = set()
    for frame in x:
        stream(frame)
        found.add(stream.last.refined)
    assert (0, 1, 2) in found
    assert found <= {(), (0, 1, 2)}


def test_it_goes_on_from_its_state_and_the_model_keeps_its_own(tmp_path) -> None:
    snn = network(CNN, **SPIKING)
    x = frames(moving(snn))
    snn.set_defaults(coarse=6, margin=1)
    snn.save(tmp_path / "net.snn.onnx")
    from onnx2snn_runtime.loading import load

    kept = load(tmp_path / "net.snn.onnx")
    assert (kept.defaults.coarse, kept.defaults.margin) == (6, 1)
    stream, other = kept.stream(operations=True), kept.stream(operations=True, coarse=6, margin=1.0)
    for frame in x[:3]:
        stream(frame)
    other.restore(stream.state())
    for frame in x[3:]:
        np.testing.assert_allclose(stream(frame), other(frame), atol=1e-5)
        assert stream.last.refined == other.last.refined
    assert kept.stream(coarse=0)(x[0]).tolist() == network(CNN, **SPIKING).stream()(x[0]).tolist()
    kept.stream(dynamics="signgd", encoder="spike")(x[0])  # the model's own coarse passes are those of its dynamics


def test_refusals() -> None:
    snn = network(CNN, **SPIKING)
    frame = frames(moving(snn))[0]
    for options, sentence in (
        ({"coarse": -1, "margin": 1.0}, "coarse is -1: give the octaves of a dead zone, 0 to 20"),
        ({"coarse": 1.5}, "coarse is 1.5: give a whole number"),
        ({"coarse": 1, "margin": -1.0}, "the margin is -1.0: give by how much an answer has to lead, 0 or more"),
        ({"coarse": 1, "margin": float("nan")}, "the margin is nan: give by how much"),
        ({"coarse": 1, "margin": "a"}, "margin is 'a': give a number"),
        ({"coarse": 1, "executor": "event"}, "coarse passes are of the executors layer and step"),
        ({"coarse": 1, "dynamics": "signgd", "encoder": "spike"}, "of the dynamics 'differential', not of SignGD"),
    ):
        with pytest.raises(InputError, match=sentence):
            snn.stream(**options)(frame)
    snn.set_defaults(coarse=30)
    with pytest.raises(ModelError, match=r"the metadata 'coarse' of .* is out of range \(30\)"):
        SpikingModel(snn.proto)
