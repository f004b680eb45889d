"""The step sizes of ternary spikes: fitted to depth and data, in the fewest time steps that do."""

import numpy as np

import onnx2snn
from onnx2snn.fitting.depths import depths
from onnx2snn.fitting.scales import own_scales, put_scales
from onnx2snn.fitting.ternary import FLOORS, MOST_STEPS, PAIRS, WORTHS, Steps, fit_schedule
from onnx2snn.fitting.trying import Trier
from onnx2snn.settings import SpikeSettings
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.passes.rewriting import model

DEEP = """deep (float[N, 8] x) => (float[N, 4] y) <float[8, 16] a, float[16, 16] b, float[16, 16] c, float[16, 4] d>
{ h = MatMul(x, a)  i = Relu(h)  j = MatMul(i, b)  k = Tanh(j)  s = Add(i, k)  l = MatMul(s, c)  m = Relu(l)
  y = MatMul(m, d) }"""


def converted(**options: object) -> tuple[SpikingModel, dict[str, np.ndarray]]:
    x = np.random.default_rng(5).normal(size=(32, 8)).astype(np.float32)
    return onnx2snn.convert(model(DEEP), x[:24], **options), {"x": x[24:]}


def test_depths_are_the_most_populations_in_a_row() -> None:
    snn, _ = converted(adapt=False)
    assert list(depths(snn.program).values()) == [0, 1, 2]


def test_the_schedule_is_fitted_at_conversion() -> None:
    snn, held = converted(payload="ternary", budget=10)
    report, look = snn.conversion, Trier(snn, held).look([snn.defaults.timesteps])[0]
    assert (snn.defaults.dynamics, report.reached, report.timesteps) == ("ternary", True, snn.defaults.timesteps)
    assert snn.defaults.timesteps < MOST_STEPS
    assert look.error < 0.2
    assert "step sizes fitted: eta(t) = " in report.notes[0]
    onsets = [p.attributes.onset for p in snn.program.populations]
    assert snn.defaults.schedule_options["least"] > 0
    again = SpikingModel(snn.proto)
    assert [p.attributes.onset for p in again.program.populations] == onsets
    np.testing.assert_array_equal(again(held["x"]), snn(held["x"]))


def test_with_time_steps_given_the_nearest_is_found() -> None:
    snn, _ = converted(payload="ternary", timesteps=9, budget=10)
    plain, _ = converted(payload="ternary", timesteps=9, adapt=False)
    assert snn.defaults.timesteps == 9
    assert snn.conversion.relative_error < plain.conversion.relative_error


def test_a_schedule_that_is_given_stays() -> None:
    snn, _ = converted(payload="ternary", schedule="exponential", schedule_options={"decay": 0.8, "initial": 0.6})
    assert snn.defaults.schedule_options == {"decay": 0.8, "initial": 0.6}
    assert snn.conversion.reached
    assert {p.attributes.onset for p in snn.program.populations} == {0}


def test_the_budget_is_kept_and_a_tolerance_out_of_reach_is_said() -> None:
    snn, held = converted(payload="ternary", adapt=False)
    done = fit_schedule(snn, held, SpikeSettings(payload="ternary").resolved(), tolerance=1e-9, budget=1e-3)
    assert (done.reached, done.out_of_time) == (False, True)


def test_what_is_near_differs_and_stays_within_what_there_is() -> None:
    for steps in (Steps(), Steps(0, 0, 0), Steps(0, len(FLOORS) - 1, len(WORTHS) - 1)):
        for reached in (False, True):
            near = list(steps.near(reached))
            assert {s.pair for s in near} == set(range(len(PAIRS)))
            assert all(0 <= s.floor < len(FLOORS) and 0 <= s.worth < len(WORTHS) for s in near)
    first = next(Steps(worth=1).near(reached=False)), next(Steps(worth=1).near(reached=True))
    assert [s.worth for s in first] == [2, 0]


def test_channels_get_one_scale_where_other_samples_want_that() -> None:
    x = np.random.default_rng(5).normal(size=(64, 8)).astype(np.float32)
    snn = onnx2snn.convert(model(DEEP), np.concatenate([x[:2], x[:2]] * 4 + [x]), payload="ternary", adapt=False)
    spikes = SpikeSettings(payload="ternary").resolved()
    quiet = {
        p.name: np.asarray(p.attributes.scale) / np.where(np.arange(16) % 2, 64, 1) for p in snn.program.populations
    }
    put_scales(snn, {name: scale.astype(np.float32) for name, scale in quiet.items()})  # half of them were not seen
    done = fit_schedule(snn, {"x": x}, spikes, tolerance=0.1, budget=10, fits_scales=True)
    assert own_scales(snn) == {}
    assert done.reached
    assert any(note.startswith("one scale a layer: ") for note in done.notes)
    kept, held = converted(payload="ternary", adapt=False)
    before = own_scales(kept)
    done = fit_schedule(kept, held, spikes, tolerance=0.1, budget=10, fits_scales=True)
    if not any(note.startswith("one scale") for note in done.notes):
        assert all(np.array_equal(before[name], now) for name, now in own_scales(kept).items())
