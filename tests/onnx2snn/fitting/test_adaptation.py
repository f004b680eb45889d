"""Levels and mantissa bits rise where they help, and only there."""

import time

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.fitting.adaptation import MOST, Adapter, adapt, relative_error
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.passes.rewriting import model

WIDE = """net (float[N, 6] x) => (float[N, 3] y) <float[6, 8] w, float[8, 8] v, float[8, 3] u, float[8, 8] k>
{ a = MatMul(x, w)  e = Exp(a)  b = MatMul(e, v)  c = Abs(b)  l = Log(c)  d = MatMul(l, k)  r = Relu(d)
  y = MatMul(r, u) }"""


def converted(**options: object) -> tuple[SpikingModel, dict[str, np.ndarray], onnx.ModelProto]:
    proto = model(WIDE)
    x = 2 * np.random.default_rng(1).normal(size=(32, 6)).astype(np.float32)
    return onnx2snn.convert(proto, x[:16], adapt=False, **options), {"x": x[16:]}, proto


def test_levels_rise_until_the_tolerance_is_met() -> None:
    snn, held, _ = converted(levels=6, timesteps=6)
    before = {p.name: p.attributes for p in snn.program.populations}
    error = Adapter(snn, held, 6, 1.0).error()
    done = adapt(snn, held, timesteps=6, tolerance=0.02, budget=20)
    assert error > 0.02
    assert done.reached
    assert done.relative_error <= 0.02
    assert done.raised or done.mantissa
    for p in snn.program.populations:
        assert before[p.name].levels <= p.attributes.levels <= MOST["levels"]
        assert before[p.name].mantissa <= p.attributes.mantissa <= MOST["mantissa"]
        assert (p.attributes.levels != before[p.name].levels) == (p.name in done.raised)
        assert (p.attributes.mantissa != before[p.name].mantissa) == (p.name in done.mantissa)
    assert Adapter(snn, held, 6, 1.0).error() == pytest.approx(done.relative_error)


def test_what_is_good_enough_stays() -> None:
    snn, held, _ = converted(levels=24, mantissa=4)
    done = adapt(snn, held, timesteps=12, tolerance=0.05)
    assert (done.reached, done.raised, done.mantissa, done.runs) == (True, {}, {}, 2)


def test_the_budget_is_kept() -> None:
    snn, held, _ = converted(levels=2, mantissa=0)
    start = time.perf_counter()
    done = adapt(snn, held, timesteps=2, tolerance=1e-6, budget=0.2)
    assert time.perf_counter() - start < 2
    assert not done.reached
    none = adapt(snn, held, timesteps=2, tolerance=1e-6, budget=0.0)
    assert (none.out_of_time, none.runs) == (True, 2)


def test_it_never_makes_it_worse() -> None:
    for levels in (2, 6, 10):
        snn, held, _ = converted(levels=levels, mantissa=0)
        before = Adapter(snn, held, 4, 1.0).error()
        assert adapt(snn, held, tolerance=1e-9, budget=1.0).relative_error <= before * 1.0001


def test_progress_stays_between_0_and_1() -> None:
    seen: list[float] = []
    snn, held, _ = converted(levels=4)
    adapt(snn, held, tolerance=1e-3, budget=1.0, progress=seen.append)
    assert seen
    assert 0 <= min(seen) <= max(seen) <= 1


def test_relative_error() -> None:
    value = np.array([3.0, 4.0])
    assert relative_error({"y": value}, {"y": value}) == 0
    assert relative_error({"y": value}, {"y": np.zeros(2)}) == 1
    assert relative_error({"y": np.zeros(2)}, {"y": value}) == 5
    assert relative_error({"y": value, "z": value}, {"y": value, "z": np.zeros(2)}) == 1
    assert relative_error({"y": value}, {"y": np.array([3.0, np.nan])}) > 1e20
    assert relative_error({"y": np.array([3.0, np.inf])}, {"y": np.array([3.0, 0.0])}) == 0
    assert relative_error({"i": np.array([1, 2])}, {"i": np.array([1, 3])}) == 0.5
    assert relative_error({"i": np.array([1, 2]), "y": value}, {"i": np.array([0, 0]), "y": value}) == 0
