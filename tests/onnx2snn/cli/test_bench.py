"""onnx2snn bench."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

import onnx2snn
from onnx2snn.cli import main

DEMO = Path(onnx2snn.__file__).parent / "demo_data"


def network(folder: Path) -> Path:
    x = np.load(DEMO / "digits_calibration.npz")["image"][:8]
    path = folder / "digits.snn.onnx"
    onnx2snn.convert(DEMO / "digits_cnn.onnx", x, adapt=False).save(path)
    return path


def test_a_table_and_json(tmp_path):
    path = network(tmp_path)
    arguments = ["bench", str(path), "--timesteps", "2", "--batch-size", "3", "--repeats", "1"]
    result = CliRunner().invoke(main, [*arguments, "--data", str(DEMO / "digits_calibration.npz")])
    assert result.exit_code == 0, result.output
    assert "onnxruntime" in result.stdout
    assert "over 2 plain passes" in result.stdout
    result = CliRunner().invoke(main, [*arguments, "--json", "--executors", "step"])
    found = json.loads(result.stdout)
    assert found["samples"] == 3
    assert set(found["seconds"]) == {"onnxruntime", "step"}


def test_a_profile(tmp_path, monkeypatch):
    arguments = ["bench", str(network(tmp_path)), "--timesteps", "2", "--repeats", "1", "--executors", "step"]
    result = CliRunner().invoke(main, [*arguments, "--profile"])
    assert result.exit_code == 0, result.output
    first, *lines = result.stdout.split("\nprofile of ")[1].splitlines()
    assert first == "step, in all 2 steps"
    assert lines[0].split() == ["type", "ms", "share"]
    assert sum("SpikingRegion1: Relu, MaxPool" in line for line in lines) == 2
    assert [line.split("  ")[0] for line in lines[-4:]] == ["all populations", "all synapses", "the rest", "the run"]
    assert lines[-1].endswith("100.00 %")
    monkeypatch.setattr("onnx2snn.cli.bench.MOST_ROWS", 2)
    assert "(4 more)" in CliRunner().invoke(main, [*arguments, "--profile"]).stdout
    found = json.loads(CliRunner().invoke(main, [*arguments, "--profile", "--json"]).stdout)
    assert len(found["profile"]["rows"]) == 6
    assert "profile" not in json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)


def test_early_exit_is_timed_and_graphs_are_not_profiled(tmp_path):
    arguments = ["bench", str(network(tmp_path)), "--timesteps", "2", "--repeats", "1"]
    result = CliRunner().invoke(main, [*arguments, "--early-exit", "stable", "--profile"])
    assert result.exit_code == 0, result.output
    result = CliRunner().invoke(main, [*arguments, "--cuda-graphs", "--profile"])
    assert result.exit_code == 1
    assert "a CUDA graph is one launch, whose parts cannot be timed" in result.stderr


def test_an_unknown_executor_is_one_sentence(tmp_path):
    result = CliRunner().invoke(main, ["bench", str(network(tmp_path)), "--executors", "layr"])
    assert result.exit_code == 1
    assert "there is no executor 'layr': did you mean 'layer'?" in result.stderr
