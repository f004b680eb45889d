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


def test_an_unknown_executor_is_one_sentence(tmp_path):
    result = CliRunner().invoke(main, ["bench", str(network(tmp_path)), "--executors", "layr"])
    assert result.exit_code == 1
    assert "there is no executor 'layr': did you mean 'layer'?" in result.stderr
