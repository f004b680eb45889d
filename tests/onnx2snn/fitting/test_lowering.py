"""The choice of levels and mantissa bits: cheapest within the tolerance, population by population."""

import numpy as np
import pytest

from onnx2snn.fitting.groups import Group, Setting, coarse, put, rank
from onnx2snn.fitting.local import record
from onnx2snn.fitting.lowering import TRIALS, Lowering
from onnx2snn.fitting.trying import Clock, Trier
from onnx2snn.settings.payload import bits_of
from tests.onnx2snn.fitting.test_adaptation import converted, settings

FORK = """net (float[N, 6] x) => (float[N, 3] y)
<float[6, 32] w, float[6, 32] v, float[32, 3] u, float[32, 3] o, float[1] small = {0.001}>
{ a = MatMul(x, w)  b = Relu(a)  c = MatMul(x, v)  d = Relu(c)  e = Mul(d, small)  p = MatMul(b, u)  q = MatMul(e, o)
  y = Add(p, q) }"""


def test_what_an_output_hangs_on_is_ranked_first() -> None:
    snn, held, _ = converted(FORK)
    start = settings(snn)
    groups = rank(Trier(snn, held), start, 2, Clock(20), lambda: None)
    assert groups is not None
    assert [len(group.names) for group in groups] == [1, 1]
    assert max(group.rise for group in groups) > 1000 * min(group.rise for group in groups)
    assert settings(snn) == start
    assert rank(Trier(snn, held), start, 2, Clock(0.0), lambda: None) is None


def test_coarse_spikes_are_no_finer_than_before() -> None:
    assert coarse({"a": (16, 3), "b": (6, 0)}, ["a", "b"]) == {"a": (8, 1), "b": (6, 0)}
    assert coarse({"a": (16, 3), "b": (6, 0)}, ["b"])["a"] == (16, 3)


def test_populations_that_matter_little_get_the_coarsest_spikes() -> None:
    snn, held, _ = converted(FORK)
    trier, start = Trier(snn, held), settings(snn)
    base = trier.look([2])[0]
    targets = record(trier, 2)
    first, second = start
    lowering = Lowering(trier, 2, 0.02, 8, power=False)
    assert base.bound < 0.02
    rises = {first: 1e-2, second: 1e-9} if _matters(trier, start, first, second) else {first: 1e-9, second: 1e-2}
    lowering.weigh([Group([name], rise) for name, rise in rises.items()], start, targets)
    chosen, look = lowering.run(start, base, targets, Clock(20), lambda setting, steps: 0.5, lambda: None)
    assert base.error < look.bound <= 0.02
    assert all(bits_of(*pair) <= 8 for pair in chosen.values())
    important = max(rises, key=lambda name: rises[name])
    other = min(rises, key=lambda name: rises[name])
    assert np.prod(chosen[other]) < np.prod(chosen[important])
    never = lowering.run(start, base, targets, Clock(20), lambda setting, steps: 2.0, lambda: None)
    assert never[0] is start

    def excess(setting: Setting, steps: int) -> float:  # others are three times further off
        put(trier, setting)
        return 3 * trier.look([steps])[0].bound / 0.02

    less, found = lowering.run(start, base, targets, Clock(20), excess, lambda: None)
    assert less is not start
    assert base.error < found.bound <= 0.02 / 3


def _matters(trier: Trier, start: dict[str, tuple[int, int]], first: str, second: str) -> bool:
    errors = []
    for name in (first, second):
        put(trier, coarse(start, [name]))
        errors.append(trier.look([2])[0].error)
    put(trier, start)
    return errors[0] > errors[1]


def test_a_setting_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for any error the coarsest spikes come up at once, and nothing is better: that is the end."""
    snn, held, _ = converted(FORK)
    trier, start = Trier(snn, held), settings(snn)
    base, targets, seen = trier.look([2])[0], record(trier, 2), list[dict[str, tuple[int, int]]]()
    lowering = Lowering(trier, 2, 1e6, 8, power=False)
    lowering.weigh([Group([name], 1.0) for name in start], start, targets)
    whole = trier.look
    monkeypatch.setattr(trier, "look", lambda steps: (seen.append(settings(snn)), whole(steps))[1])
    chosen, _ = lowering.run(start, base, targets, Clock(60), lambda setting, steps: 0.5, lambda: None)
    assert chosen == seen[-1]
    assert len(seen) < TRIALS
    assert all(one != other for i, one in enumerate(seen) for other in seen[:i])
    assert lowering.best.keys() == start.keys()
