"""onnx2snn run."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onnx2snn_runtime.model import SpikingModel
from tests.onnx2snn.cli.conftest import Invoke

Refused = Callable[..., str]


def test_outputs_are_written_by_name(
    invoke: Invoke, ir_file: Path, data_file: Path, snn: SpikingModel, features: np.ndarray, tmp_path: Path
) -> None:
    result = invoke("run", ir_file, "--input", data_file, "--output", tmp_path / "y.npz", "--timesteps", 8)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "logits: 40 x 3"
    with np.load(tmp_path / "y.npz") as written:
        np.testing.assert_array_equal(written["logits"], snn(features, timesteps=8))


def test_json_and_npy(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    words = ["--dynamics", "signgd", "--schedule", "exponential", "--schedule-option", "decay=0.9", "--batch-size", 16]
    result = invoke("run", ir_file, "-i", data_file, "-o", tmp_path / "y.npy", "--json", "--executor", "event", *words)
    found = json.loads(result.stdout)
    assert (found["samples"], found["timesteps"], found["shapes"]) == (40, 4, {"logits": [40, 3]})
    assert found["events_per_neuron"] == 4.0
    assert np.load(tmp_path / "y.npy").shape == (40, 3)


def test_early_exit(
    invoke: Invoke, ir_file: Path, data_file: Path, snn: SpikingModel, features: np.ndarray, tmp_path: Path
) -> None:
    run = snn.run(features, 8, early_exit="stable", stable_steps=3)
    taken = run.steps_taken.tolist()
    words = ("run", ir_file, "-i", data_file, "--timesteps", 8, "--early-exit", "stable", "--stable-steps", 3)
    result = invoke(*words, "-o", tmp_path / "y.npz")
    assert result.exit_code == 0, result.output
    assert f"steps taken: {np.mean(taken):.3g} on average, 3 to {max(taken)}" in result.stdout.splitlines()
    with np.load(tmp_path / "y.npz") as written:
        assert written.files == ["logits", "steps_taken"]
        np.testing.assert_array_equal(written["logits"], run.outputs[8])
        assert written["steps_taken"].tolist() == taken
    found = json.loads(invoke(*words, "-o", tmp_path / "y.npy", "--json").stdout)
    assert (found["steps_taken"], found["mean_timesteps"]) == (taken, np.mean(taken))
    assert found["shapes"] == {"logits": [40, 3]}
    assert np.load(tmp_path / "y.npy").shape == (40, 3)


def test_an_existing_output_stays(
    refused: Refused, invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "y.npy"
    target.write_text("mine")
    words = ("run", ir_file, "-i", data_file, "-o", target)
    assert "exists: choose another path, or overwrite it with --force" in refused(*words)
    assert target.read_text() == "mine"
    assert invoke(*words, "--force").exit_code == 0
    assert np.load(target).shape == (40, 3)


def test_paths_that_cannot_be_written(refused: Refused, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    assert "neither an .npz nor an .npy" in refused("run", ir_file, "-i", data_file, "-o", tmp_path / "y.txt")
    assert "there is no folder" in refused("run", ir_file, "-i", data_file, "-o", tmp_path / "no" / "y.npz")
    (tmp_path / "d.npz").mkdir()
    assert "is a folder" in refused("run", ir_file, "-i", data_file, "-o", tmp_path / "d.npz")
    before = data_file.read_bytes()
    assert "is read and cannot be written too" in refused("run", ir_file, "-i", data_file, "-o", data_file, "--force")
    assert data_file.read_bytes() == before


def test_nothing_of_the_user_is_written_through_or_over(
    invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path
) -> None:
    victim, own = tmp_path / "victim", tmp_path / "z.npy.part"
    victim.write_text("precious")
    own.write_text("the user's own")
    (tmp_path / "y.npy.part").symlink_to(victim)
    for name in ("y.npy", "z.npy", "y.npz"):
        assert invoke("run", ir_file, "-i", data_file, "-o", tmp_path / name).exit_code == 0
    assert (victim.read_text(), own.read_text()) == ("precious", "the user's own")
    assert not list(tmp_path.glob(".onnx2snn-*"))


def test_nan_is_said_loudly(invoke: Invoke, ir_file: Path, features: np.ndarray, tmp_path: Path) -> None:
    features[3, 1] = np.nan
    np.savez(tmp_path / "x.npz", x=features)
    result = invoke("run", ir_file, "-i", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    assert result.stderr == (
        "WARNING: the output 'logits' is NaN for 1 of 40 samples (the input 'x' holds NaN): leave such samples out, or "
        "fill in what they miss\n"
    )
    result = invoke("evaluate", ir_file, "-d", tmp_path / "x.npz")
    assert "hold NaN" in result.stderr


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({}, "holds no arrays: the model's inputs are x"),
        ({"x": np.zeros((2, 4), np.float32), "label": np.zeros(2)}, "are x (and 'labels', where there are any)"),
        ({"z": np.zeros((2, 4), np.float32)}, "lacks the input 'x'"),
        ({"x": np.zeros((2, 5), np.float32)}, "has the shape (2, 5), the model takes (any, 4)"),
        ({"x": np.zeros((2, 4), np.int64)}, "has the type int64, the model takes float32"),
        ({"x": np.zeros((0, 4), np.float32)}, "holds no samples"),
    ],
)
def test_inputs_that_do_not_fit(
    refused: Refused, ir_file: Path, tmp_path: Path, arrays: dict[str, np.ndarray], sentence: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    assert sentence in refused("run", ir_file, "-i", tmp_path / "x.npz", "-o", tmp_path / "y.npz")
    assert not (tmp_path / "y.npz").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dynamics", "signdg"], "did you mean 'signgd'"),
        (["--executor", "stepp"], "did you mean 'step'"),
        (["--encoder", "float"], "convert it again with --encoder float"),
        (["--dtype", "float8"], "there is no dtype 'float8'"),
        (["--device", "toaster"], "the device 'toaster' cannot be used (there is no such kind of device): choose cpu"),
    ],
)
def test_settings_that_do_not_exist(
    refused: Refused, ir_file: Path, data_file: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    assert sentence in refused("run", ir_file, "-i", data_file, "-o", tmp_path / "y.npz", *words)


def test_models_that_are_none(refused: Refused, model_file: Path, data_file: Path, tmp_path: Path) -> None:
    rest = ("-i", data_file, "-o", tmp_path / "y.npz")
    assert "is no spiking IR file: convert it first" in refused("run", model_file, *rest)
    assert "there is no file" in refused("run", tmp_path / "none.onnx", *rest)
    assert "there is no file" in refused("run", tmp_path, *rest)
