"""The test vectors of the IR: the runtime and the reference on the page meet them, and the page names everything."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from docs.make_vectors import CASES, FOLDER, vectors
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.ir.schema import ModelDefaults, NeuronAttributes
from onnx2snn_runtime.loading import load
from onnx2snn_runtime.schedules.base import SCHEDULES
from tests.docs.test_pages import blocks

PAGE = Path(__file__).parents[2] / "docs" / "ir.md"
CASE_NAMES = [(name, index) for name, cases in CASES.items() for index in range(len(cases))]


def stored(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=0, atol=1e-9))


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """Return what the code of the page defines."""
    names: dict[str, Any] = {}
    for line, code in blocks(PAGE, "python"):
        exec(compile("\n" * line + code, str(PAGE), "exec"), names)
    return names


@pytest.mark.parametrize(("name", "index"), CASE_NAMES)
def test_the_reference_meets_the_vectors(name: str, index: int, reference: dict[str, Any]) -> None:
    held = stored(name)
    case = held["cases"][index]
    if case["settings"]["dynamics"] == "subgradient":
        return
    model = onnx.load(FOLDER / f"{name}.onnx")
    made = reference["run"](model, {"x": np.array(held["inputs"]["x"])}, held["steps"], **case["settings"])
    outputs = {node.name: node.output[0] for node in model.graph.node}
    assert len(made) == held["steps"]
    for t, (values, spikes) in enumerate(made):
        assert close(values["y"], case["outputs"]["y"][t])
        for population in spikes:
            assert close(spikes[population], case["spikes"][population][t]), (population, t)
            assert close(values[outputs[population]], case["estimates"][population][t]), (population, t)


@pytest.mark.parametrize("executor", ["layer", "step", "event"])
@pytest.mark.parametrize(("name", "index"), CASE_NAMES)
def test_the_runtime_meets_the_vectors(name: str, index: int, executor: str) -> None:
    held = stored(name)
    case, steps = held["cases"][index], held["steps"]
    x = torch.tensor(held["inputs"]["x"], dtype=torch.float64)
    snn = load(FOLDER / f"{name}.onnx")
    run = snn.run(x, range(1, steps + 1), executor=executor, probes=["spikes", "values"], **case["settings"])
    for t in range(steps):
        assert close(run.outputs[t + 1], case["outputs"]["y"][t])
    for population in snn.population_names():
        assert close(run.probes["spikes"][population], case["spikes"][population])
        assert close(run.probes["values"][population], case["estimates"][population])


@pytest.mark.parametrize("name", CASES)
def test_the_vectors_are_those_of_their_script_and_not_silent(name: str) -> None:
    held, made = stored(name), vectors(name)
    assert held["inputs"] == made["inputs"]
    for before, now in zip(held["cases"], made["cases"], strict=True):
        assert before["settings"] == now["settings"]
        for kind in ("spikes", "estimates", "outputs"):
            assert before[kind].keys() == now[kind].keys()
            assert all(close(before[kind][key], now[kind][key]) for key in now[kind])
        assert all(np.count_nonzero(value) for value in before["spikes"].values())


def test_the_page_names_every_attribute_and_setting() -> None:
    text = PAGE.read_text()
    names = [field.name for field in (*fields(NeuronAttributes), *fields(ModelDefaults))]
    assert [name for name in [*names, *DYNAMICS, *SCHEDULES] if f"`{name}`" not in text] == []
    assert sum(len(code.splitlines()) for _, code in blocks(PAGE, "python")) < 110
