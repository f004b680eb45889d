"""onnx2snn evaluate."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onnx2snn.data.readers import read_samples
from onnx2snn.evaluation.evaluation import evaluate
from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Invoke


def test_json_is_the_object_of_the_design(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    result = invoke("evaluate", ir_file, "--data", data_file, "--timesteps", "1,4", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found == evaluate(load(ir_file), read_samples(data_file, ["x"]), [1, 4]) | {"model": str(ir_file)}
    assert list(found)[:4] == ["model", "samples", "ann", "timesteps"]


def test_the_table(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    result = invoke("evaluate", ir_file, "--data", data_file, "--samples", 10)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].endswith("net.snn.onnx: 10 samples, plain network 40.00 %")
    assert lines[1].split("  ")[0].strip() == "T"
    assert [line.split()[0] for line in lines[2:6]] == ["1", "2", "4", "8"]


def test_energy_is_shown_without_an_option(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    result = invoke("evaluate", ir_file, "--data", data_file, "--timesteps", "2,4")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()[5:]
    assert lines[0].startswith("operations and energy a sample, 45 nm (Horowitz, ISSCC 2014); left out: memory traffic")
    assert "56 dense MACs" in lines[1]
    assert [line.split()[0] for line in lines[2:5]] == ["T", "2", "4"]
    assert "a shift-add at 0.9 pJ (fp32), 0.4 pJ (fp16), 0.1 pJ (int8)" in lines[5]
    assert not any(line.startswith("by layer") for line in lines)


def test_energy_by_layer_and_by_constants_of_ones_own(
    invoke: Invoke, refused: Callable[..., str], ir_file: Path, data_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text("name = 'mine'\n[fp32]\nmultiply = 1.0\nadd = 0.5")
    words = ("evaluate", ir_file, "--data", data_file, "--timesteps", 4, "--energy", tmp_path / "mine.toml")
    shown = invoke(*words, "--by-layer").stdout.splitlines()
    start = next(i for i, line in enumerate(shown) if line.startswith("by layer, at T=4"))
    assert [line.split()[1:3] for line in shown[start + 2 :]] == [["Gemm", "direct"], ["Gemm", "synapse"]]
    found = json.loads(invoke(*words, "--by-layer", "--json").stdout)["energy"]
    assert (found["profile"], found["constants"]["fp32"]) == ("mine", {"multiply": 1.0, "add": 0.5})
    counts, energies = found["operations"]["4"], found["fp32"]["4"]
    assert energies["ann"] == 56 * 1.5
    assert energies["shift_adds"] == counts["shift_adds"] * 0.5 + counts["multiplications"] * 1.5
    assert energies["ratio"] == energies["shift_adds"] / energies["ann"]
    assert sum(layer["shift_adds"] for layer in found["layers"]) == counts["shift_adds"]
    (tmp_path / "mine.toml").write_text("[fp31]")
    assert "there is no energy 'fp31'" in refused(*words)


def test_early_exit(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    words = ("evaluate", ir_file, "--data", data_file, "--timesteps", "2,8", "--early-exit", "stable")
    result = invoke(*words, "--stable-steps", 3, "--exit-every", 2)
    assert result.exit_code == 0, result.output
    columns, *rows = (line.split() for line in result.stdout.splitlines()[1:4])
    assert columns[:3] == ["T", "mean", "T"]
    means = [float(row[1]) for row in rows]
    assert means[0] == 2.0
    assert 3.0 <= means[1] < 8.0
    found = json.loads(invoke(*words, "--json").stdout)
    options = {"early_exit": "stable"}
    assert found == evaluate(load(ir_file), read_samples(data_file, ["x"]), [2, 8], **options) | {"model": str(ir_file)}
    assert 2.0 <= found["timesteps"]["8"]["mean_timesteps"] == found["mean_timesteps"] < means[1]


def test_early_exit_of_a_filter_shows_no_operations(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    words = ("--dynamics", "if", "--timesteps", 4, "--early-exit", "stable")
    result = invoke("evaluate", ir_file, "--data", data_file, *words)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].split()[-1] == "-"
    assert "energy" not in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--stable-steps", 3], "are settings of early exit: give --early-exit as well"),
        (["--early-exit", "stable", "--cuda-graphs"], "give one of --early-exit and --cuda-graphs"),
        (["--cuda-graphs"], "cuda_graphs needs a CUDA device, the model is on cpu"),
        (["--early-exit", "settled", "--dynamics", "signgd"], "the dynamics SignGD never settles"),
        (["--early-exit", "stable", "--executor", "event"], "the executor 'event' runs to the end"),
    ],
)
@pytest.mark.parametrize("name", ["evaluate", "run"])
def test_what_does_not_go_together(
    refused: Callable[..., str], ir_file: Path, data_file: Path, tmp_path: Path, name: str, words: list, sentence: str
) -> None:
    files = ("-i", data_file, "-o", tmp_path / "y.npz") if name == "run" else ("-d", data_file)
    assert sentence in refused(name, ir_file, *files, *words)


def test_data_that_do_not_fit(refused: Callable[..., str], ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    assert "no file or folder" in refused("evaluate", ir_file, "--data", tmp_path / "none.npz")
    (tmp_path / "empty.npz").touch()
    assert "is empty" in refused("evaluate", ir_file, "--data", tmp_path / "empty.npz")
    (tmp_path / "cut.npz").write_bytes(data_file.read_bytes()[:200])
    assert "damaged or truncated" in refused("evaluate", ir_file, "--data", tmp_path / "cut.npz")
    np.save(tmp_path / "x.npy", np.zeros((3, 2), np.float32))
    assert "has the shape (3, 2)" in refused("evaluate", ir_file, "--data", tmp_path / "x.npy")
    assert "has no output 'y'" in refused("evaluate", ir_file, "--data", data_file, "--output", "y")
    (tmp_path / "images").mkdir()
    assert "folder without images" in refused("evaluate", ir_file, "--data", tmp_path / "images")
