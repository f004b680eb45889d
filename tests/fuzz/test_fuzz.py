"""A few seconds of every kind of trial, on fixed seeds; fresh ones, and hours of them, by `python -m tests.fuzz`."""

import argparse
import os
import signal
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx2snn
from tests.fuzz import __main__ as command
from tests.fuzz import damage, graphs, mutations, shrinking, trial
from tests.fuzz.operators import TEMPLATES
from tests.fuzz.tally import Tally
from tests.fuzz.trial import Outcome
from tests.fuzz.watching import watched

FIRST = {"graphs": 20_000, "models": 300_000, "ir": 300_000, "data": 300_000, "settings": 300_000}
COUNTS = {"graphs": 12, "models": 60, "ir": 80, "data": 80, "settings": 80}
TRIALS = {"graphs": trial.graph, **damage.KINDS}
KNOWN = {
    "graphs": [5161, 5227, 1_000_063],
    "models": [5081, 9359],
    "ir": [5002, 5023, 5030, 9009],
    "data": [5001],
    "settings": [5005],
}
"""Seeds that failed once."""


@pytest.fixture(autouse=True)
def quiet() -> None:
    warnings.simplefilter("ignore")  # damage makes libraries warn; workers are forked


@pytest.fixture(scope="module")
def few() -> Iterator[None]:
    """Damage few graphs: making them takes the time of many trials."""
    before, damage.POOL = damage.POOL, 8
    damage.pool.cache_clear()
    damage.pool()
    yield
    damage.POOL = before
    damage.pool.cache_clear()


@pytest.mark.parametrize("kind", TRIALS)
def test_no_trial_fails(kind: str, few: None) -> None:
    seeds = [*KNOWN[kind], *range(FIRST[kind], FIRST[kind] + COUNTS[kind])]
    bad = [(seed, end) for seed, end in watched(TRIALS[kind], seeds, 60.0) if end.kind in trial.failures(kind)]
    assert bad == [], f"python -m tests.fuzz {kind} --count 1 --seed ... makes each small"


def test_the_graphs_are_many_and_valid() -> None:
    made = [graphs.make(seed) for seed in range(150)]
    cases = [case for case in made if case is not None]
    operators = {node.op_type for case in cases for node in case.model.graph.node}
    assert len(TEMPLATES) >= 110
    assert len(operators) >= 80
    assert len(cases) > 110
    assert {o.version for case in cases for o in case.model.opset_import} == set(graphs.OPSETS)
    assert max(len(case.inputs) for case in cases) > 2
    assert max(len(case.expected) for case in cases) > 2
    for case in cases[:10]:
        onnx.checker.check_model(case.model, full_check=True)


def test_a_seed_is_always_the_same_trial() -> None:
    first, again = graphs.make(11), graphs.make(11)
    assert first is not None
    assert again is not None
    assert first.model == again.model
    np.testing.assert_equal(first.inputs, again.inputs)


def test_every_change_changes() -> None:
    case = next(case for case in map(graphs.make, range(50)) if case is not None and len(case.model.graph.node) > 4)
    for change in mutations.CHANGES:
        done = 0
        for seed in range(20):
            copy = onnx.ModelProto()
            copy.CopyFrom(case.model)
            try:
                change(np.random.default_rng(seed), copy)
            except (IndexError, ValueError, TypeError):
                continue
            done += copy != case.model
        assert done or change.__name__ == "_metadata", change.__name__


def test_some_graphs_have_rectifiers_alone() -> None:
    seeds = [seed for seed in range(600_000, 600_120) if graphs.rectifying(seed)]
    cases = [case for case in map(graphs.make, seeds) if case is not None]
    operators = {node.op_type for case in cases for node in case.model.graph.node}
    assert len(cases) > 10
    assert "Relu" in operators
    assert not operators & {"Tanh", "Sigmoid", "Softmax", "MaxPool", "Exp"}
    ends = [trial.graph(seed) for seed in seeds[:6]]
    assert {end.kind for end in ends} <= {"ok", "refused", "invalid"}
    assert any(f"option {way}" in end.notes for end in ends for way in trial.RATES)


def test_what_was_tried_is_counted() -> None:
    tally = Tally("graphs", trial.FAILURES)
    tally.add(0, Outcome("ok", notes=("executor layer", "option file"), error=1e-4))
    tally.add(1, Outcome("ok", error=3e-4))
    assert tally.add(2, Outcome("refused", "the node 'a' has 3 axes")) == "refused: the node _ has _ axes"
    tally.add(3, Outcome("wrong", "error 5 %"))
    text = tally.text(all_sentences=True)
    assert "4 trials in 0 s: ok 2, refused 1, wrong 1" in text
    assert "median 2.00e-04, 99 % below 2.98e-04, of 2 compared" in text
    assert "     1 executor layer\n" in text
    assert "     1 refused: the node _ has _ axes (seed 2)\n" in text
    assert tally.failed == 1


def test_a_run_that_is_cut_off_has_its_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.TRIALS, "data", lambda seed: Outcome("ok" if seed else "death"))
    asked = argparse.Namespace(seed=0, count=60, progress=tmp_path / "counts", refusals=False, seconds=60)
    assert command.run("data", asked) == 1
    assert "data from seed 0: 60 trials" in (tmp_path / "counts").read_text()
    assert (tmp_path / "counts").read_text().endswith("done\n")


def test_a_wrong_network_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = onnx2snn.convert

    def wrong(model: onnx.ModelProto, *given: object, **options: object) -> onnx2snn.SpikingModel:
        snn = real(model, *given, **options)
        for name in snn.population_names():
            snn.set_population(name, levels=1, mantissa=0)
        return snn

    monkeypatch.setattr(onnx2snn, "convert", wrong)
    ends = Counter(trial.graph(seed).kind for seed in range(10))
    assert ends["wrong"] + ends["traceback"] > 1, ends


def test_deaths_and_hangs_are_outcomes() -> None:
    def attempt(seed: int) -> Outcome:
        if seed == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if seed == 2:
            time.sleep(60)
        if seed == 3:
            raise KeyboardInterrupt
        return Outcome("ok", str(seed))

    ends = list(watched(attempt, range(5), patience=0.5))
    assert [seed for seed, _ in ends] == [0, 1, 2, 3, 4]
    assert [end.kind for _, end in ends] == ["ok", "death", "hang", "death", "ok"]
    assert ends[1][1].text == "SIGKILL"


def test_what_fails_is_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(c for c in map(graphs.make, range(80)) if c and "Tanh" in {n.op_type for n in c.model.graph.node})
    small = shrinking.shrink(case.model, lambda m: any(n.op_type == "Tanh" for n in m.graph.node))
    assert [node.op_type for node in small.graph.node] == ["Tanh"]
    assert len(small.graph.output) == 1
    assert len(small.graph.initializer) == 0
    monkeypatch.setattr(shrinking, "_ends", lambda kind, model, seed: "ok")
    monkeypatch.setattr(shrinking, "SECONDS", 2.0)
    seed = next(seed for seed in range(80) if graphs.make(seed) is not None)
    text = shrinking.script("graphs", seed, Outcome("wrong", "error 5 %"))
    assert "onnx2snn.convert(model, x" in text
    compile(text, "script", "exec")
    assert "print(damage.KINDS['data'](3))" in shrinking.script("data", 3, Outcome("traceback"))
