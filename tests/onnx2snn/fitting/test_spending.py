"""What is left of the tolerance is spent: guarded by other samples and by what lies before readouts."""

import numpy as np
import pytest

import onnx2snn
from onnx2snn.fitting import spending
from onnx2snn.fitting.adaptation import adapt
from onnx2snn.fitting.inner import before_answers
from onnx2snn.fitting.spending import HIDDEN, _limits
from onnx2snn.fitting.trying import Trier
from tests.onnx2snn.fitting.test_adaptation import DEEP, converted, settings
from tests.onnx2snn.passes.rewriting import model

WHOLE = """net (float[N, 6] x) => (int64[N, 1] z) <float[6, 32] w, float[32, 4] u, int64[4, 1] table = {5, 6, 7, 8}>
{ a = MatMul(x, w)  b = Relu(a)  y = MatMul(b, u)  i = ArgMax <axis = 1, keepdims = 0> (y)  z = Gather(table, i) }"""
"""Answers that are looked up."""

SATURATED = """net (float[N, 6] x) => (float[N, 8] y) <float[6, 32] w, float[32, 8] u, float k = {0.01}>
{ a = MatMul(x, w)  b = Tanh(a)  c = MatMul(b, u)  d = Mul(c, k)  y = Sigmoid(d) }"""
"""Answers of about one half, whatever comes before them."""


def test_what_a_readout_hides_may_err_more_than_the_tolerance_where_it_did_before() -> None:
    proto = model(SATURATED)
    x = np.random.default_rng(1).normal(size=(48, 6)).astype(np.float32)
    snn = onnx2snn.convert(proto, x, levels=5, mantissa=1, adapt=False)
    outer = Trier(snn, {"x": x})
    inner = outer.inside(before_answers(snn))
    look = inner.look([2])[0]
    (name,) = inner.errors()
    assert look.error > 0.01 > 10 * outer.look([2])[0].error
    inner.limits = _limits(inner, outer, 0.01)
    assert inner.limits == {name: pytest.approx(HIDDEN * look.bound / 0.01)}
    assert inner.look([2])[0].bound == pytest.approx(0.01 / HIDDEN)
    assert inner.few(4).limits == inner.limits
    done = adapt(snn, {"x": x[32:]}, seen={"x": x[:32]}, tolerance=0.01)
    assert done.reached
    assert max(done.levels.values(), default=5) < 5 or done.mantissa
    assert inner.look([2])[0].bound <= 0.01


def test_a_note_says_why_nothing_was_made_coarser() -> None:
    snn, held, _ = converted(DEEP, levels=4, mantissa=0)
    error = Trier(snn, held).look([2])[0].error
    before = settings(snn)
    done = adapt(snn, held, tolerance=error * 1.001)
    assert settings(snn) == before
    assert done.reached
    assert "no spikes were made coarser: on other samples the relative error may well be" in done.notes[-1]


def test_a_note_says_that_whole_numbers_show_no_small_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    proto = model(WHOLE)
    x = np.random.default_rng(1).normal(size=(32, 6)).astype(np.float32)
    monkeypatch.setattr(spending, "before_answers", lambda snn: snn)
    snn = onnx2snn.convert(proto, x)
    assert snn.conversion.notes == [
        "no spikes were made coarser: outputs that are whole numbers do not show small errors"
    ]


def test_the_error_stays_within_the_tolerance_on_the_samples_held_back() -> None:
    """Though it is far below it on those that set the ranges, which are more."""
    snn, held, _ = converted(DEEP)
    easy = {"x": np.repeat(held["x"][:1], 200, 0)}
    done = adapt(snn, held, seen=easy, tolerance=0.02)
    look = Trier(snn, held).look([2])[0]
    assert done.reached
    assert look.error <= 0.02
    assert look.bound <= 0.02
