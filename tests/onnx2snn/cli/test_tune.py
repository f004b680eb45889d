"""onnx2snn tune."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Invoke


def test_json_and_the_file(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "tuned.snn.onnx"
    words = ("--target-error", 0.1, "--timesteps", 6, "--budget", 2, "-o", target)
    result = invoke("tune", ir_file, "-d", data_file, *words, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["reached"]
    assert found["chosen"]["relative_error"] <= 0.1
    assert found["chosen"]["timesteps"] == load(target).defaults.timesteps
    assert {point["timesteps"] for point in found["frontier"]} <= {1, 2, 3, 4, 6}
    assert found["output"] == str(target)


def test_the_tables(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    result = invoke("tune", ir_file, "-d", data_file, "--timesteps", 2, "--budget", 1)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["setting", "T", "agreement"]
    assert any("trials on" in line for line in lines)
    assert any(line.startswith("before: as it is") for line in lines)
    assert lines[-1].startswith("  on samples held back")


def test_an_unreached_target_is_exit_code_one(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    words = ("--target-error", 1e-9, "--timesteps", 1, "--budget", 0.5, "-o", tmp_path / "near.snn.onnx")
    result = invoke("tune", ir_file, "-d", data_file, *words)
    assert result.exit_code == 1
    assert (
        "WARNING: nothing that was tried reaches the target on held-back samples: the nearest was chosen"
        in result.stderr
    )
    assert (tmp_path / "near.snn.onnx").exists()


def test_refusals(refused: Callable[..., str], ir_file: Path, data_file: Path) -> None:
    assert "overwrite it with --force" in refused("tune", ir_file, "-d", data_file, "-o", ir_file)
    assert "give a share above 0" in refused("tune", ir_file, "-d", data_file, "--target-agreement", 2)


def test_the_frontier_of_every_payload(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    result = invoke("tune", ir_file, "-d", data_file, "--timesteps", 2, "--budget", 3, "--payload", "all", "--json")
    assert result.exit_code == 0, result.output
    points = json.loads(result.stdout)["frontier"]
    assert {"graded", "power", "ternary"} <= {point["payload"] for point in points}
    assert all(
        point["shift_adds_per_neuron"] > 0 and point["energy"] > 0 for point in points if point["relative_error"] < 0.5
    )


def test_the_picture(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    words = ("--timesteps", 2, "--budget", 1, "--plot", tmp_path / "frontier.png")
    assert invoke("tune", ir_file, "-d", data_file, *words).exit_code == 0
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_it_is_said(
    refused: Callable[..., str], ir_file: Path, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    sentence = refused("tune", ir_file, "-d", data_file, "--plot", tmp_path / "a.png")
    assert "pictures need matplotlib: pip install 'onnx2snn[plots]'" in sentence
