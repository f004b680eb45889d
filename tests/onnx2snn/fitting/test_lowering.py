"""The choice of levels and mantissa bits: cheapest within the tolerance, population by population."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from onnx2snn.fitting.groups import BOTH, LEVELS, MANTISSA, Group, Setting, coarse, put, rank
from onnx2snn.fitting.local import Targets, record
from onnx2snn.fitting.lowering import TRIALS, Choice, Lowering
from onnx2snn.fitting.trying import Clock, Look, Trier
from onnx2snn.settings.payload import bits_of
from tests.onnx2snn.fitting.test_adaptation import converted, settings

FORK = """net (float[N, 6] x) => (float[N, 3] y)
<float[6, 32] w, float[6, 32] v, float[32, 3] u, float[32, 3] o, float[1] small = {0.001}>
{ a = MatMul(x, w)  b = Relu(a)  c = MatMul(x, v)  d = Relu(c)  e = Mul(d, small)  p = MatMul(b, u)  q = MatMul(e, o)
  y = Add(p, q) }"""
LOOK = Look(2, 0.0, {}, 1)


def attempt(trier: Trier, allowed: float, seen: list[Setting] | None = None) -> Callable[[Setting], tuple[Look, float]]:
    def tried(setting: Setting) -> tuple[Look, float]:
        put(trier, setting)
        look = trier.look([2])[0]
        if seen is not None:
            seen.append(setting)
        return look, look.bound / allowed

    return tried


def test_what_an_output_hangs_on_is_ranked_first() -> None:
    snn, held, _ = converted(FORK)
    start = settings(snn)
    groups = rank(Trier(snn, held), start, 2, Clock(20), lambda: None)
    assert groups is not None
    assert [(list(group.names), group.kinds) for group in groups] == [
        ([name], (kind,)) for kind in (LEVELS, MANTISSA) for name in start
    ]
    for kind in (LEVELS, MANTISSA):
        rises = [group.rise for group in groups if kind in group.kinds]
        assert max(rises) > 100 * min(rises)
    assert settings(snn) == start
    assert rank(Trier(snn, held), start, 2, Clock(0.0), lambda: None) is None


@pytest.mark.parametrize(
    ("runs", "kinds", "sizes"),
    [(3.5, [BOTH, BOTH], [1, 1]), (1.5, [BOTH], [2]), (100.0, [(LEVELS,), (MANTISSA,)], [1, 1])],
)
def test_less_time_ranks_more_at_once(
    runs: float, kinds: list[object], sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one sample levels and mantissa bits are tried together, then neighbours; half of the time is for that."""
    snn, held, _ = converted(FORK)
    whole = Trier.look

    def look(trier: Trier, steps: list[int]) -> list[Look]:
        found = whole(trier, steps)
        trier.seconds = 50.0
        return found

    monkeypatch.setattr(Trier, "look", look)
    groups = rank(Trier(snn, held), settings(snn), 2, Clock(2 * runs * 100.0), lambda: None)
    assert groups is not None
    assert [len(group.names) for group in groups][: len(sizes)] == sizes
    assert [group.kinds for group in groups][:: max(1, len(groups) // 2)] == kinds


def test_coarse_spikes() -> None:
    assert coarse({"a": (16, 3), "b": (6, 0)}, ["a", "b"]) == {"a": (8, 1), "b": (3, 0)}
    assert coarse({"a": (16, 3), "b": (6, 0)}, ["b"])["a"] == (16, 3)
    assert coarse({"a": (16, 3)}, ["a"], [LEVELS]) == {"a": (8, 3)}
    assert coarse({"a": (8, 1)}, ["a"], [MANTISSA]) == {"a": (8, 0)}


def test_weights_are_those_of_what_was_made_coarse() -> None:
    values = torch.rand(2, 500, generator=torch.Generator().manual_seed(0))
    targets = {name: Targets(values, 1.0, 500.0, 1.0) for name in "ab"}
    start = {"a": (16, 3), "b": (16, 3)}
    lowering = Lowering(8, power=False)
    lowering.weigh([Group(["a", "b"], 2.0, [LEVELS]), Group(["a", "b"], 1.0, [MANTISSA])], start, targets)
    for name in "ab":
        found = targets[name].tried([(16, 3), (8, 3), (16, 1)])
        own = [found[8, 3].coarse - found[16, 3].coarse, found[16, 1].rounding - found[16, 3].rounding]
        assert lowering.weights[name] == pytest.approx({LEVELS: 1.0 / own[0], MANTISSA: 0.5 / own[1]})
    lowering = Lowering(5, power=True)
    lowering.weigh([Group(["a"], 2.0, [LEVELS])], {"a": (16, 0)}, targets)
    assert lowering.weights["a"][LEVELS] == lowering.weights["a"][MANTISSA] > 0


def ranked(trier: Trier, start: Setting, bits: int = 8) -> tuple[Lowering, dict[str, Targets]]:
    targets, lowering = record(trier, 2), Lowering(bits, power=False)
    lowering.weigh(rank(trier, start, 2, Clock(20), lambda: None) or [], start, targets)
    return lowering, targets


def test_populations_that_matter_little_get_the_coarsest_spikes() -> None:
    snn, held, _ = converted(FORK)
    trier, start = Trier(snn, held), settings(snn)
    lowering, targets = ranked(trier, start)
    found = lowering.run(start, targets, 0.02, attempt(trier, 0.02), Clock(20), lambda: None)
    assert found is not None
    chosen, look = found
    assert 0.5 * 0.02 < look.bound <= 0.02
    assert all(bits_of(*pair) <= 8 for pair in chosen.values())
    other, important = sorted(start, key=lambda name: lowering.weights[name][LEVELS])
    assert np.prod(chosen[other]) < np.prod(chosen[important])
    assert lowering.run(start, targets, 0.02, lambda setting: (look, 2.0), Clock(20), lambda: None) is None
    assert not lowering.late


def test_what_is_allowed_is_spent_though_the_model_of_the_error_is_wrong() -> None:
    snn, held, _ = converted(FORK)
    trier, start = Trier(snn, held), settings(snn)
    lowering, targets = ranked(trier, start)
    bounds = []
    for factor in (1.0, 0.05, 20.0):
        seen: list[Setting] = []
        found = lowering.run(start, targets, 0.02 * factor, attempt(trier, 0.02, seen), Clock(20), lambda: None)
        assert found is not None
        assert len(seen) <= TRIALS
        bounds.append(found[1].bound)
    assert 0.01 < min(bounds) <= max(bounds) <= 0.02


def test_a_population_that_is_kept_stays_as_it_is() -> None:
    snn, held, _ = converted(FORK)
    trier, start = Trier(snn, held), settings(snn)
    lowering, targets = ranked(trier, start)
    lowering.kept = frozenset(list(start)[:1])
    found = lowering.run(start, targets, 0.05, attempt(trier, 0.05), Clock(20), lambda: None)
    assert found is not None
    assert [found[0][name] == start[name] for name in start] == [True, False]


def test_a_setting_is_tried_once() -> None:
    """With room for any error the coarsest spikes come up at once, and nothing is better: that is the end."""
    snn, held, _ = converted(FORK)
    trier, start, seen = Trier(snn, held), settings(snn), list[Setting]()
    lowering, targets = ranked(trier, start)
    found = lowering.run(start, targets, 1e6, attempt(trier, 1e6, seen), Clock(60), lambda: None)
    assert found is not None
    assert found[0] == seen[-1]
    assert len(seen) == 1


def test_what_is_best_when_time_is_up_stands() -> None:
    snn, held, _ = converted(FORK)
    trier, start = Trier(snn, held), settings(snn)
    lowering, targets = ranked(trier, start)
    clock = Clock(20)

    def slow(setting: Setting) -> tuple[Look, float]:
        clock.budget = 0.0
        return LOOK, 0.5

    found = lowering.run(start, targets, 0.005, slow, clock, lambda: None)
    assert found is not None
    assert found[1] is LOOK
    assert lowering.late
    assert math.isinf(clock.left) is False


def test_a_step_that_is_too_much_holds_nobody_else_back() -> None:
    snn, held, _ = converted(FORK)
    trier, start, seen = Trier(snn, held), settings(snn), list[Setting]()
    lowering, targets = ranked(trier, start)
    other, important = sorted(start, key=lambda name: lowering.weights[name][LEVELS])

    def tried(setting: Setting) -> tuple[Look, float]:
        seen.append(setting)
        return LOOK, 3.0 if math.prod(setting[other]) < 30 else 0.5

    found = lowering.run(start, targets, 0.002, tried, Clock(20), lambda: None)
    assert found is not None
    assert any(math.prod(setting[other]) < 30 for setting in seen)
    assert math.prod(found[0][other]) >= 30
    failed = [setting for setting in seen if math.prod(setting[other]) < 30]
    assert found[0][important][0] < min(setting[important][0] for setting in failed)
    assert len(seen) <= TRIALS


def test_an_answer_that_tips_by_chance_ends_nothing() -> None:
    """The first two settings are far too much, the second as fine as what there was: between them some will do."""
    snn, held, _ = converted(FORK)
    trier, start, seen = Trier(snn, held), settings(snn), list[Setting]()
    lowering, targets = ranked(trier, start)

    def tips(setting: Setting) -> tuple[Look, float]:
        seen.append(setting)
        return LOOK, 9.0 if len(seen) < 3 else 0.5

    found = lowering.run(start, targets, 0.02, tips, Clock(20), lambda: None)
    assert found is not None
    assert found[0] != start
    assert lowering.run(start, targets, 0.02, lambda setting: (LOOK, 9.0), Clock(20), lambda: None) is None


def test_where_the_model_is_too_careful_the_search_begins_with_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the error of the start for 1, where .5 is allowed and .2 was seen: an error of 2 is to be tried."""
    start, cheap = {"n": (16, 3)}, {"n": (8, 2)}
    choice = Choice([start["n"], cheap["n"]], np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    monkeypatch.setattr(Lowering, "_choices", lambda *_: {"n": choice})

    def tried(setting: Setting) -> tuple[Look, float]:
        return LOOK, 1.1 if setting == start else 0.99

    for over, expected in ((0.4, (cheap, LOOK)), (2.0, None)):
        assert Lowering(8, False).run(start, {}, 0.5, tried, Clock(20), lambda: None, over=over) == expected
