"""When populations of ternary spikes begin: as late as what they make of their sources' errors asks for."""

import numpy as np
import pytest

import onnx2snn
from onnx2snn.fitting.depths import sources
from onnx2snn.fitting.onsets import WIDEST, fit_onsets, length
from onnx2snn.fitting.trying import Trier
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.schedules.base import make_schedule
from tests.onnx2snn.passes.rewriting import model

ROW = """row (float[N, 8] x) => (float[N, 4] y) <float[8, 16] a, float[16, 16] b, float[16, 16] c, float[16, 4] d,
float gain = {GAIN}>
{ h = MatMul(x, a)  i = Relu(h)  j = MatMul(i, b)  g = Mul(j, gain)  k = Softmax(g)  l = MatMul(k, c)  m = Relu(l)
  n = MatMul(m, d)  y = Add(n, n) }"""
SCHEDULE = {"initial": 0.8, "decay": 0.5, "least": 0.01}
X = np.random.default_rng(5).normal(size=(32, 8)).astype(np.float32)


def converted(gain: float) -> SpikingModel:
    proto = model(ROW.replace("GAIN", str(gain)))
    snn = onnx2snn.convert(proto, X[:24], payload="ternary", adapt=False)
    snn.set_defaults(schedule="exponential", schedule_options=SCHEDULE)
    return snn


def waits(snn: SpikingModel, worth: float) -> list[int]:
    """Return how many steps each population begins after the last of its sources."""
    onsets = fit_onsets(snn, {"x": X[24:28]}, 40, worth)
    before = sources(snn.program)
    return [onset - max((onsets[other] for other in before[name]), default=onset) for name, onset in onsets.items()]


def test_what_reads_inputs_alone_begins_at_once_and_nothing_before_its_sources() -> None:
    snn = converted(4.0)
    for worth in (1e-5, 1e-3, 1e-1):
        found = waits(snn, worth)
        assert found[0] == 0
        assert all(0 <= wait <= WIDEST for wait in found)
    assert sum(waits(snn, 1e-5)) > sum(waits(snn, 1e-1)) == 0
    assert {p.attributes.onset for p in snn.program.populations} == {0}


def test_a_steep_softmax_waits_longer_than_a_flat_one() -> None:
    assert waits(converted(30.0), 1e-3)[1] > waits(converted(0.5), 1e-3)[1]


def test_with_its_onsets_a_network_is_nearer() -> None:
    snn = converted(30.0)
    trier = Trier(snn, {"x": X[24:]})
    before = trier.look([30])[0]
    for name, onset in fit_onsets(snn, {"x": X[:4]}, 30, 1e-4).items():
        snn.set_population(name, onset=onset)
    after = trier.look([30])[0]
    assert after.error < before.error
    assert after.events_per_neuron < before.events_per_neuron


@pytest.mark.parametrize(
    ("options", "most", "end"),
    [
        (SCHEDULE, 64, 8),
        (SCHEDULE, 4, 4),
        ({"initial": 0.5, "decay": 0.5}, 64, 8),
        ({"initial": 0.5, "decay": 1.0}, 9, 1),
    ],
)
def test_a_schedule_ends_at_its_least_or_finest_step(options: dict[str, float], most: int, end: int) -> None:
    assert length(make_schedule("exponential", options), most) == end
