"""The search for settings: it reaches what can be reached, says when it cannot, and leaves the choice in the IR."""

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import get_type_hints

import numpy as np
import pytest

from onnx2snn.data.readers import Samples
from onnx2snn.fitting.candidates import GIVEN, Change, Setting, grid, neighbours
from onnx2snn.fitting.trials import Goal, Point, Tuner, lower_bound
from onnx2snn.fitting.tuning import Tuning, frontier, tune
from onnx2snn.settings.search import SearchKeywords, SearchSettings
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.schedules.base import make_schedule

Make = Callable[..., SpikingModel]


@pytest.fixture
def samples(features: np.ndarray) -> Samples:
    return Samples({"x": features}, np.arange(40) % 3, 40)


def point(timesteps: int, agreement: float | None, error: float, events: float) -> Point:
    return Point(timesteps, agreement, error, None, events, "")


def test_signgd_comes_closer_than_its_default_schedule(make_snn: Make, samples: Samples) -> None:
    snn = make_snn(dynamics="signgd")
    found = tune(snn, samples, timesteps=64, budget=10)
    assert (found.before.timesteps, found.reached) == (64, True)
    assert found.chosen.relative_error < 0.5 * found.before.relative_error
    assert snn.defaults.timesteps == found.chosen.timesteps
    now = snn.run(samples.inputs, 64)
    assert now.events_per_neuron[64] == pytest.approx(64)


def test_the_choice_lies_in_the_ir(make_snn: Make, samples: Samples) -> None:
    snn = make_snn()
    found = tune(snn, samples, target_error=0.05, timesteps=8, budget=5)
    assert found.reached
    assert found.chosen.relative_error <= 0.05
    again = SpikingModel(snn.proto)
    assert again.defaults.timesteps == found.chosen.timesteps
    expected, got = (s(samples.inputs["x"]) for s in (snn, again))
    np.testing.assert_array_equal(expected, got)
    assert found.trials > 20
    assert 16 <= found.samples <= 30
    assert found.held_back is not None


def test_fewer_events_are_found_where_a_target_is_met(make_snn: Make, samples: Samples) -> None:
    strict = tune(make_snn(), samples, target_error=0.001, timesteps=6, budget=4)
    loose = tune(make_snn(), samples, target_error=0.2, timesteps=6, budget=4)
    assert (loose.chosen.timesteps, loose.chosen.events_per_neuron) < (
        strict.chosen.timesteps,
        strict.chosen.events_per_neuron,
    )


def test_what_cannot_be_reached_is_said(make_snn: Make, samples: Samples) -> None:
    found = tune(make_snn(dynamics="signgd"), samples, target_error=1e-6, timesteps=2, budget=2)
    assert not found.reached
    assert found.chosen.relative_error > 1e-6


def test_a_short_budget_is_kept(make_snn: Make, samples: Samples) -> None:
    found: Tuning = tune(make_snn(), samples, timesteps=4, budget=1e-3)
    assert found.out_of_time
    assert found.seconds < 2
    assert found.chosen.setting == "as it is"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target_agreement": 1.5}, "the target agreement is 1.5: give a share above 0 and up to 1"),
        ({"target_error": 0.0}, "the target error is 0: give a number above 0"),
        ({"max_events": -1.0}, "the bound of events is -1: give a number above 0"),
        ({"timesteps": -3}, "timesteps is -3: give 1 or more"),
        ({"budget": 0.0}, "the budget is 0 s: give a number above 0"),
    ],
)
def test_goals_that_make_no_sense(
    snn: SpikingModel, samples: Samples, options: dict[str, float], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        tune(snn, samples, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=sentence):
        SearchSettings(**options)  # type: ignore[arg-type]


def test_a_search_by_settings(make_snn: Make, samples: Samples) -> None:
    settings = SearchSettings(timesteps=2, budget=1e-3, seed=3)
    found = tune(make_snn(), samples, settings=settings, seed=3)
    assert found.settings == settings
    assert found.chosen.timesteps <= 2
    assert tune(make_snn(), samples, timesteps=2, budget=1e-3, seed=3).settings == settings
    assert set(get_type_hints(SearchKeywords)) == {f.name for f in fields(SearchSettings)}


def test_settings_of_a_search_that_do_not_go(snn: SpikingModel, samples: Samples) -> None:
    with pytest.raises(InputError, match="seed is 0 in settings and 1 in a keyword of its own: give it once"):
        tune(snn, samples, settings=SearchSettings(), seed=1)
    with pytest.raises(InputError, match="a search has no setting 'target_eror': did you mean 'target_error'"):
        tune(snn, samples, target_eror=0.1)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="settings is 3: give an object of SearchSettings"):
        tune(snn, samples, settings=3)  # type: ignore[arg-type]


def test_an_output_without_classes_cannot_agree(
    snn: SpikingModel, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onnx2snn.fitting.trials.answer_axes", lambda *given: (None, None))
    with pytest.raises(InputError, match="the output 'logits' has no classes to agree on: give a target error"):
        tune(snn, samples, target_agreement=0.9)


def test_the_order_of_points() -> None:
    goal = Goal(8, agreement=0.9, max_events=2.0)
    good, slow = point(2, 0.95, 0.3, 1.0), point(4, 1.0, 0.1, 1.0)
    costly, wrong = point(2, 0.95, 0.1, 3.0), point(1, 0.5, 0.9, 0.1)
    assert sorted([wrong, costly, slow, good], key=goal.key) == [good, slow, wrong, costly]
    assert [goal.met(p) for p in (good, slow, costly, wrong)] == [True, True, False, False]
    assert Goal(8).key(point(8, None, 0.1, 9)) < Goal(8).key(point(1, None, 0.2, 1))
    assert Goal(5).steps == [1, 2, 3, 4, 5]


def test_the_frontier_holds_what_nothing_beats() -> None:
    points = [point(1, 0.5, 0.5, 1), point(2, 0.9, 0.1, 2), point(2, 0.8, 0.2, 3), point(4, 0.9, 0.05, 1.5)]
    assert frontier(points, by_agreement=False) == [points[0], points[1], points[3]]
    assert frontier(points, by_agreement=True) == [points[0], points[1], points[3]]


@pytest.mark.parametrize("timesteps", [4, 16, 64, 256])
def test_the_schedules_of_the_grid_reach_what_they_should(timesteps: int) -> None:
    for setting in grid("signgd", True, timesteps):
        if setting.schedule in ("exponential", "polynomial"):
            schedule = make_schedule(setting.schedule, setting.options)
            steps = [schedule(t) for t in range(1, timesteps + 1)]
            assert 1.4 < sum(steps) < 4.1
            assert steps[-1] <= steps[0]


def test_settings_one_step_away(snn: SpikingModel) -> None:
    around = list(neighbours(Setting("exponential", {"initial": 0.2, "decay": 0.9}), snn.defaults, ["h"]))
    decays = sorted({setting.options["decay"] for setting in around})
    assert decays == pytest.approx([1 - 0.1 * 1.4, 0.9, 1 - 0.1 / 1.4])
    assert Setting("exponential", {"initial": 0.2, "decay": 0.9}, populations={"h": Change(levels=-2)}) in around
    assert len({str(setting) for setting in around}) > 8
    assert [str(s) for s in grid("if", False, 8)] == ["as it is", "scales x 0.5", "scales x 2", "scales x 0.25"]


def test_a_setting_is_put_and_taken_back(snn: SpikingModel, samples: Samples) -> None:
    tuner = Tuner(snn, samples, [2])
    name = snn.population_names()[0]
    before = snn.program.populations[0].attributes
    tuner.put(Setting("inverse", {"initial": 2.0}, 9, 3, "neuron", -1, {name: Change(-1, 1, 2)}))
    now = snn.program.populations[0].attributes
    assert (now.levels, now.mantissa) == (8, 4)
    assert not np.array_equal(now.scale, before.scale)
    assert (snn.defaults.schedule, snn.defaults.schedule_options) == ("inverse", {"initial": 2.0})
    assert all(math.log2(value).is_integer() for value in np.atleast_1d(now.scale))
    tuner.put(Setting())
    again = snn.program.populations[0].attributes
    assert (again.levels, again.mantissa, again.scale) == (before.levels, before.mantissa, before.scale)
    assert snn.defaults.schedule == "exponential"
    assert Setting().scale == GIVEN


def test_a_target_is_met_by_what_may_be_so_on_other_samples(make_snn: Make) -> None:
    sure, lucky = point(1, 1.0, 0.2, 1), point(1, 1.0, 0.2, 1)
    sure, lucky = replace(sure, agreement_bound=0.995), replace(lucky, agreement_bound=0.95, error_bound=0.3)
    goal = Goal(8, agreement=0.99)
    assert (goal.met(sure), goal.met(lucky), replace(goal, careful=False).met(lucky)) == (True, False, True)
    assert not Goal(8, error=0.25).met(lucky)
    assert lower_bound(1.0, 30) == pytest.approx(30 / 31)
    assert lower_bound(0.9924, 262) < 0.99 < lower_bound(0.9995, 2000)
    assert (lower_bound(None, 30), lower_bound(0.5, 10_000)) == (None, pytest.approx(0.495, abs=1e-4))


def test_a_target_that_held_back_samples_do_not_reach_is_not_reached(
    make_snn: Make, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Tuner.look

    def worse(tuner: Tuner, setting: Setting, part: slice, operations: bool = False) -> list[Point]:
        found = look(tuner, setting, part, operations)
        return [replace(p, relative_error=0.5) for p in found] if part.start else found

    monkeypatch.setattr(Tuner, "look", worse)
    found = tune(make_snn(), samples, target_error=0.05, timesteps=6, budget=3)
    assert not found.reached
    assert found.held_back is not None
    assert found.held_back.relative_error == 0.5


def test_what_the_frontier_costs(make_snn: Make, samples: Samples) -> None:
    found = tune(make_snn(), samples, timesteps=3, budget=2)
    for p in found.frontier:
        assert p.payload == "graded"
        assert p.shift_adds_per_neuron is not None
        assert p.energy is not None
        assert p.energy_int8 is not None
        assert p.shift_adds_per_neuron >= p.events_per_neuron
        assert p.energy < p.energy_int8
