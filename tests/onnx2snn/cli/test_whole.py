"""The commands with the real converter: from a trained network to figures, and every kind of bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx2snn
from tests.onnx2snn.cli.conftest import Invoke

Refused = Callable[..., str]
FOLDER = Path(onnx2snn.__file__).parent / "demo_data"
HEAD = '<ir_version: 8, opset_import: ["" : 17]> net '


def write(folder: Path, text: str) -> Path:
    onnx.save(onnx.parser.parse_model(HEAD + text), folder / "other.onnx")
    return folder / "other.onnx"


def test_convert_evaluate_and_run(invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "digits.snn.onnx"
    made = invoke("convert", FOLDER / "digits_cnn.onnx", "-c", FOLDER / "digits_calibration.npz", "-o", target)
    assert (made.exit_code, made.stderr) == (0, ""), made.output
    assert "agreement 100.00 %" in made.stdout
    assert "operations and energy a sample, 45 nm" in made.stdout
    assert "by layer" not in made.stdout
    words = ("--data", FOLDER / "digits_test.npz", "--samples", 100, "--timesteps", "1,4", "--json")
    found = json.loads(invoke("evaluate", target, *words).stdout)
    assert found["timesteps"]["4"]["agreement"] > 0.98
    assert found["timesteps"]["4"]["relative_error"] < 0.02
    energy = found["energy"]
    assert 0 < energy["fp32"]["1"]["ratio"] < energy["fp32"]["4"]["ratio"] < 1
    assert energy["fp32"]["4"]["ratio"] < energy["int8"]["4"]["ratio"] < energy["int8"]["4"]["strict_ratio"]
    assert found["timesteps"]["1"]["events"] < found["timesteps"]["4"]["events"]
    result = invoke("run", target, "-i", FOLDER / "digits_calibration.npz", "-o", tmp_path / "y.npy")
    assert result.exit_code == 0, result.output
    assert np.load(tmp_path / "y.npy").shape == (128, 10)


def test_the_demo(invoke: Invoke, tmp_path: Path) -> None:
    found = json.loads(invoke("demo", "--json", "--output", tmp_path / "demo.snn.onnx").stdout)
    assert found["ann"]["accuracy"] > 0.99
    assert found["timesteps"]["4"]["accuracy"] > 0.98
    assert (tmp_path / "demo.snn.onnx").exists()


def test_synthetic_data_and_a_missed_tolerance_are_said(invoke: Invoke, model_file: Path) -> None:
    result = invoke("convert", model_file, "--levels", 2, "--mantissa", 0, "--no-adapt", "--timesteps", 1)
    assert result.exit_code == 0
    assert "accuracy is not to be expected" in result.stderr
    assert "the tolerance is 1.0%" in result.stderr


def test_inspect_reads_plain_and_spiking_files(invoke: Invoke, model_file: Path) -> None:
    converted = model_file.with_name("net.snn.onnx")
    assert invoke("convert", model_file, "-o", converted).exit_code == 0
    for file in (model_file, converted):
        result = invoke("inspect", file, "--json")
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        found = json.loads(result.stdout)
        assert (found["is_ir"], found["populations"]) == (file == converted, 1)
        assert {node["kind"] for node in found["nodes"]} == {"synapse", "neuron"}
        assert invoke("inspect", file).exit_code == 0


@pytest.mark.parametrize(
    "command", [["convert"], ["inspect"], ["evaluate", "-d", "x"], ["run", "-i", "x", "-o", "y.npz"]]
)
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "there is no file"),
        ("folder", "there is no file"),
        ("empty", "no ONNX"),
        ("text", "no ONNX"),
        ("truncated", "no ONNX file, or a truncated one"),
    ],
)
def test_models_that_cannot_be_read(
    refused: Refused, model_file: Path, tmp_path: Path, command: list[str], kind: str, sentence: str
) -> None:
    bad = tmp_path / "bad.onnx"
    content = {"empty": b"", "text": b"no model at all", "truncated": model_file.read_bytes()[:-40]}
    if kind == "folder":
        bad.mkdir()
    elif kind != "missing":
        bad.write_bytes(content[kind])
    assert sentence in refused(command[0], bad, *command[1:])
    assert not (tmp_path / "bad.snn.onnx").exists()


def test_unsupported_operators_are_all_named(refused: Refused, invoke: Invoke, tmp_path: Path) -> None:
    text = "(float[N, 4] x) => (float[N, 4] y) { a = com.example.Magic(x)  b = Relu(a)  y = com.example.Wonder(b) }"
    model = onnx.parser.parse_model(HEAD.replace("17]", '17, "com.example" : 1]') + text)
    onnx.save(model, tmp_path / "magic.onnx")
    sentence = refused("convert", tmp_path / "magic.onnx")
    assert "Magic" in sentence
    assert "Wonder" in sentence
    result = invoke("inspect", tmp_path / "magic.onnx")
    assert result.exit_code == 1
    assert "Magic" in result.stderr
    assert "Wonder" in result.stderr


def test_a_model_without_nonlinearity(refused: Refused, tmp_path: Path) -> None:
    model = write(tmp_path, "(float[N, 4] x) => (float[N, 4] y) { y = Add(x, x) }")
    assert "no neuron" in refused("convert", model)


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"z": np.zeros((9, 4), np.float32)}, "lacks the input 'x'"),
        ({"x": np.zeros((9, 4), np.float32), "z": np.zeros(9)}, "holds 'z', which is no input"),
        ({"x": np.zeros((9, 3), np.float32)}, "has the shape (9, 3)"),
        ({"x": np.zeros((9, 4), np.int64)}, "has the type int64"),
        ({"x": np.zeros((0, 4), np.float32)}, "holds no samples"),
        ({"x": np.full((9, 4), "a")}, "has the type <U1: give numbers"),
    ],
)
def test_calibration_data_that_do_not_fit(
    refused: Refused, model_file: Path, tmp_path: Path, arrays: dict[str, np.ndarray], sentence: str
) -> None:
    np.savez(tmp_path / "c.npz", **arrays)
    assert sentence in refused("convert", model_file, "-c", tmp_path / "c.npz")
    assert not model_file.with_name("net.snn.onnx").exists()
