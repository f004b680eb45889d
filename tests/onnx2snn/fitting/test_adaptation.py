"""Levels, mantissa bits and time steps: raised until the tolerance is met, lowered where that is not seen."""

import time

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.fitting.adaptation import _Reaching, _splits, adapt
from onnx2snn.fitting.errors import error_bound, relative_error
from onnx2snn.fitting.inner import answering, before_answers
from onnx2snn.fitting.trying import Clock, Look, Trier, digits
from onnx2snn.reference.ann import run_ann
from onnx2snn.settings.payload import bits_of
from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.passes.rewriting import model

WIDE = """net (float[N, 6] x) => (float[N, 3] y) <float[6, 8] w, float[8, 8] v, float[8, 3] u, float[8, 8] k>
{ a = MatMul(x, w)  e = Exp(a)  b = MatMul(e, v)  c = Abs(b)  l = Log(c)  d = MatMul(l, k)  r = Relu(d)
  y = MatMul(r, u) }"""


DEEP = """net (float[N, 6] x) => (float[N, 3] y) <float[6, 32] w, float[32, 32] v, float[32, 3] u>
{ a = MatMul(x, w)  b = Relu(a)  c = MatMul(b, v)  d = Tanh(c)  y = MatMul(d, u) }"""


def converted(text: str = WIDE, **options: object) -> tuple[SpikingModel, dict[str, np.ndarray], onnx.ModelProto]:
    proto = model(text)
    x = 2 * np.random.default_rng(1).normal(size=(32, 6)).astype(np.float32)
    return onnx2snn.convert(proto, x[:16], adapt=False, **options), {"x": x[16:]}, proto


def settings(snn: SpikingModel) -> dict[str, tuple[int, int]]:
    return {p.name: (p.attributes.levels, p.attributes.mantissa) for p in snn.program.populations}


def test_coarse_spikes_are_refined_within_their_bits() -> None:
    snn, held, _ = converted(levels=6, mantissa=0, timesteps=6)
    error = Trier(snn, held).look([6])[0].error
    done = adapt(snn, held, timesteps=6, tolerance=0.02, budget=20, bits=8)
    assert error > 0.02
    assert (done.reached, done.timesteps) == (True, 6)
    assert done.relative_error <= 0.02
    assert all(bits_of(*pair) <= 8 for pair in settings(snn).values())
    changed = {name for name, pair in settings(snn).items() if pair != (6, 0)}
    assert changed == {*done.levels, *done.mantissa}
    assert Trier(snn, held).look([6])[0].error == pytest.approx(done.relative_error)
    assert done.runs > 3
    assert f"relative error {error:.2%} -> " in done.notes[0]


def test_time_steps_rise_where_nothing_else_does() -> None:
    snn, held, _ = converted(levels=4, mantissa=0, timesteps=1)
    stuck = adapt(snn, held, timesteps=1, tolerance=0.02, budget=20, bits=8)
    assert (stuck.reached, stuck.timesteps) == (False, 1)
    snn, held, _ = converted(levels=4, mantissa=0, timesteps=1)
    done = adapt(snn, held, timesteps=1, tolerance=0.02, budget=20, bits=8, more_timesteps=True)
    assert done.reached
    assert done.timesteps > 1
    assert done.notes[0].startswith(f"T=1 -> {done.timesteps}")


def test_what_is_better_than_it_must_be_is_made_cheaper() -> None:
    snn, held, _ = converted(DEEP)
    before = Trier(snn, held).look([2])[0]
    done = adapt(snn, held, tolerance=0.05)
    after = Trier(snn, held).look([2])[0]
    usual = dict.fromkeys(settings(snn), digits(3)), {n: digits(m) for n, (_, m) in settings(snn).items()}
    costs = [look.shift_adds(each) for look, each in zip((before, after), usual, strict=True)]
    assert before.error < done.relative_error <= 0.05
    assert costs[1] < 0.8 * costs[0]
    assert after.events_per_neuron < before.events_per_neuron
    assert all(bits_of(*pair) <= 8 for pair in settings(snn).values())


def test_a_power_gets_no_mantissa() -> None:
    snn, held, _ = converted(payload="power")
    adapt(snn, held, timesteps=6, tolerance=0.5, budget=5, bits=5, power=True)
    assert {mantissa for _, mantissa in settings(snn).values()} == {0}
    assert max(levels for levels, _ in settings(snn).values()) <= 16


def test_errors_are_seen_before_a_readout() -> None:
    text = WIDE.replace("float[N, 3] y)", "int64[N, 1] z)").replace("Abs(b)", "Relu(b)").replace("Log(c)", "Tanh(c)")
    proto = model(text.replace("y = MatMul(r, u)", "y = MatMul(r, u)  z = ArgMax <axis = 1> (y)"))
    x = np.random.default_rng(1).normal(size=(64, 6)).astype(np.float32)
    snn = onnx2snn.convert(proto, x[:48], tolerance=0.02)
    assert snn.conversion.reached
    inner = before_answers(snn)
    assert [port.name for port in inner.program.outputs] == ["y"]
    assert Trier(inner, {"x": x[48:]}).look([2])[0].error < 0.1
    assert before_answers(inner) is inner


QUANTISED = """net (float[N, 6] x) => (float[N, 3] y)
<float[6, 32] w, float[32, 32] v, float[32, 3] u, float k = {0.2}, float s = {0.01}>
{ a = MatMul(x, w)  h = Tanh(a)  c = MatMul(h, v)  g = Relu(c)  d = Mul(u, k)  b = MatMul(g, d)
  p = Softmax(b)  q = Div(p, s)  r = Round(q)  y = Mul(r, s) }"""


def test_errors_are_seen_before_an_answer_that_is_rounded() -> None:
    """Samples that one class wins by far say nothing of others, where what is rounded is all that is looked at."""
    proto = model(QUANTISED)
    x = np.random.default_rng(1).normal(size=(1000, 6)).astype(np.float32)
    plain = run_ann(proto, {"x": x}, 1000)["y"]
    easy, hard = plain.max(1) > 0.995, plain.max(1) <= 0.98
    snn = onnx2snn.convert(proto, x[easy][:32])
    last, inner = answering(snn), before_answers(snn)
    assert [node.output[0] for node in last] == [snn.program.populations[-1].output]
    assert [port.name for port in inner.program.outputs][1:] == list(last[0].input)[:1]
    assert min(settings(snn).values()) < (16, 3) == list(settings(snn).values())[-1]  # the last one is kept
    got = snn(x[hard])
    assert np.linalg.norm(got - plain[hard]) < 0.03 * np.linalg.norm(plain[hard])
    assert (got.argmax(1) == plain[hard].argmax(1)).mean() > 0.98


def test_the_budget_is_kept() -> None:
    snn, held, _ = converted(levels=2, mantissa=0)
    start = time.perf_counter()
    done = adapt(snn, held, timesteps=2, tolerance=1e-6, budget=0.2)
    assert time.perf_counter() - start < 2
    assert not done.reached
    before = settings(snn)
    none = adapt(snn, held, timesteps=2, tolerance=1e-6, budget=0.0)
    assert (none.out_of_time, none.runs, settings(snn)) == (True, 2, before)


def test_it_never_makes_it_worse() -> None:
    for levels in (2, 6, 10):
        snn, held, _ = converted(levels=levels, mantissa=0)
        before = Trier(snn, held).look([4])[0].error
        assert adapt(snn, held, timesteps=4, tolerance=1e-9, budget=1.0).relative_error <= before * 1.0001


def test_progress_stays_between_0_and_1() -> None:
    seen: list[float] = []
    snn, held, _ = converted(levels=4)
    adapt(snn, held, tolerance=1e-3, budget=1.0, progress=seen.append)
    assert seen
    assert 0 <= min(seen) <= max(seen) <= 1


def test_signed_digits_of_payloads() -> None:
    assert [digits(mantissa) for mantissa in range(4)] == [1.0, 1.5, 1.75, 2.125]
    look = Look(2, 0.1, {"a": 4.0, "b": 2.0}, 3)
    assert look.events_per_neuron == 2.0
    assert look.shift_adds({"a": 1.0, "b": 1.5}) == pytest.approx((4 + 3) / 3)


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


def test_the_bound_of_an_error_is_wide_where_few_samples_make_it() -> None:
    value, even, odd = np.ones((16, 1)), np.full((16, 1), 1.1), np.ones((16, 1))
    odd[3] += 0.4
    same = [relative_error({"y": value}, {"y": other}) for other in (even, odd)]
    assert same == pytest.approx([0.1, 0.1])
    assert error_bound({"y": value}, {"y": even}, {"y": 0}) == pytest.approx(0.1)
    assert error_bound({"y": value}, {"y": odd}, {}) > 0.15
    assert error_bound({"y": value}, {"y": even}, {"y": None}) == 0


def test_the_bound_of_an_error_is_wide_for_few_samples() -> None:
    value, errors = np.ones((64, 1)), 0.1 + 0.05 * np.tile([-1.0, 1.0], 32)[:, None]
    bounds = [error_bound({"y": value[:n]}, {"y": value[:n] + errors[:n]}, {"y": 0}) for n in (64, 16, 4, 2)]
    assert bounds == sorted(bounds)
    assert 0.111 < bounds[0] < 0.13 < bounds[2] < bounds[3]
    assert error_bound({"y": value[:1]}, {"y": value[:1] + 0.1}, {"y": 0}) == pytest.approx(0.2)


def test_more_bits_go_to_the_levels_that_did_best(monkeypatch: pytest.MonkeyPatch) -> None:
    snn, held, _ = converted(levels=16, mantissa=3, timesteps=2)
    tried: list[tuple[int, int]] = []
    errors = {(16, 3): 0.3, (32, 2): 0.4, (8, 4): 0.8, (64, 1): 0.5, (16, 4): 0.1, (16, 5): 0.005}

    def look(trier: Trier, steps: list[int]) -> list[Look]:
        tried.append(next(iter(settings(trier.snn).values())))
        trier.seconds = 1e-6
        return [Look(t, errors.get(tried[-1], 0.9), {}, 1) for t in steps]

    monkeypatch.setattr(Trier, "look", look)
    start = settings(snn)
    search = _Reaching(Trier(snn, held), Clock(20), 0.01, lambda: None)
    splits = [_splits(8 + more, start) for more in range(3)]
    setting, found = search.run(start, Look(2, 0.3, {}, 1), splits, ())
    assert tried == [(32, 2), (8, 4), (64, 1), (16, 4), (16, 5)]
    assert (set(setting.values()), found.error) == ({(16, 5)}, 0.005)


def test_time_that_was_spent_before_cheaper_spikes_were_found() -> None:
    for budget, said in ((1e-3, True), (60, False)):
        snn, held, _ = converted(levels=24, mantissa=4, timesteps=6)
        done = adapt(snn, held, timesteps=6, tolerance=0.1, budget=budget, bits=10)
        assert done.reached
        assert done.out_of_time == said
        assert any("of adaptation were spent: spikes may be finer" in note for note in done.notes) == said
