"""onnx2snn demo, with a stand-in for the converter."""

import json
from collections.abc import Callable
from pathlib import Path

from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Converter, Invoke


def test_a_table_of_accuracy_against_time_steps(invoke: Invoke, converter: Converter) -> None:
    result = invoke("demo")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert converter.calls[0]["calibration"]["image"].shape == (128, 1, 8, 8)
    rows = [line.split()[0] for line in result.stdout.splitlines()[-6:]]
    assert rows == ["1", "2", "3", "4", "6", "8"]


def test_json_and_output(invoke: Invoke, converter: Converter, tmp_path: Path) -> None:
    found = json.loads(invoke("demo", "--json", "-o", tmp_path / "a.onnx").stdout)
    assert (found["samples"], found["output"]) == (360, str(tmp_path / "a.onnx"))
    assert found["ann"]["accuracy"] > 0.99
    assert load(tmp_path / "a.onnx").program.populations


def test_an_existing_output_stays(refused: Callable[..., str], converter: Converter, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("mine")
    assert "exists" in refused("demo", "-o", tmp_path / "a.onnx")
    assert (tmp_path / "a.onnx").read_text() == "mine"
    assert converter.calls == []
