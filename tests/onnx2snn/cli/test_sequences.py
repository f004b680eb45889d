"""--stream of `tune` and `convert`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Invoke
from tests.onnx2snn.fitting.sequences.test_tuning import PLAIN, X, moving


@pytest.fixture
def files(tmp_path: Path) -> Path:
    onnx.save(PLAIN, tmp_path / "net.onnx")
    np.savez(tmp_path / "calibration.npz", x=X)
    np.savez(tmp_path / "frames.npz", x=moving(8))
    return tmp_path


def test_convert_and_tune(invoke: Invoke, files: Path) -> None:
    words = ("--stream", files / "frames.npz", "--stream-error", 0.1, "--stream-budget", 2, "--json")
    result = invoke("convert", files / "net.onnx", "-c", files / "calibration.npz", *words)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["stream"]["reached"]
    assert found["stream"]["held_back"]["relative_error"] <= 0.1
    snn = load(files / "net.snn.onnx")
    assert (snn.defaults.encoder, snn.defaults.timesteps) == ("differential", found["stream"]["chosen"]["steps"])
    assert snn.defaults.input_dead_zones["x"] == found["stream"]["zones"]["x"] > 0
    pytest.importorskip("matplotlib")
    words = ("--stream", "--target-error", 0.2, "--budget", 2, "--timesteps", 1, "--plot", files / "frontier.png")
    result = invoke("tune", files / "net.snn.onnx", "-d", files / "frames.npz", *words, "-o", files / "b.snn.onnx")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split()[:3] == ["setting", "steps/frame", "operations/frame"]
    assert "held back" in result.stdout
    assert load(files / "b.snn.onnx").defaults.timesteps == 1
    assert (files / "frontier.png").stat().st_size > 0


def test_without_calibration_data_the_frames_are_it(invoke: Invoke, files: Path) -> None:
    words = ("--stream", files / "frames.npz", "--stream-error", 1e-9, "--stream-budget", 0.5)
    result = invoke("convert", files / "net.onnx", *words)
    assert result.exit_code == 0, result.output
    assert "calibration samples: 128" in result.stdout
    assert "WARNING: nothing that was tried keeps to the target on sequences held back" in result.stderr


def test_refusals(refused: Callable[..., str], files: Path) -> None:
    net = files / "net.onnx"
    assert "are of a stream: give its frames with --stream" in refused("convert", net, "--stream-error", 0.1)
    assert "holds no sequences: give an .npz or .npy" in refused("convert", net, "--stream", files)
    text = refused("tune", net, "-d", files / "frames.npz", "--stream", "--max-events", 3)
    assert "--max-events is not for streams: leave it out, or --stream" in text
