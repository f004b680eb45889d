"""onnx2snn convert: what it hands to the converter, prints and writes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from onnx2snn import zoo
from onnx2snn.cli.files import read_named
from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Converter, Invoke

Refused = Callable[..., str]


def test_the_file_lies_beside_the_model(
    invoke: Invoke, converter: Converter, model_file: Path, data_file: Path, features: np.ndarray
) -> None:
    result = invoke("convert", model_file, "--calibration", data_file, "--samples", 30, "--levels", 9)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert load(model_file.with_name("net.snn.onnx")).program.populations
    call = converter.calls[0]
    np.testing.assert_array_equal(call["calibration"]["x"], features)
    assert (call["model"], call["levels"], call["samples"], call["encoder"]) == (model_file, 9, 30, "direct")
    assert "dynamics" not in call
    assert not [name for name in call if name.startswith("image")]


def test_what_is_printed(invoke: Invoke, converter: Converter, model_file: Path, data_file: Path) -> None:
    lines = invoke("convert", model_file, "-c", data_file).stdout.splitlines()
    assert [line.split() for line in lines[:5]] == [
        ["neuron", "made", "of", "populations"],
        ["SpikingRelu", "Relu", "1"],
        ["in", "all", "1"],
        ["passes:", "write_neurons", "1"],
        ["levels", "16", "->", "9", "in", "1", "of", "1", "populations"],
    ]
    assert lines[5] == (
        "on held-back samples at T=4: agreement 97.50 %, relative error 0.40 % (calibration samples: 40; 1.2 s)"
    )
    assert lines[6] == f"written: {model_file.with_name('net.snn.onnx')}"


def test_what_costs_and_errs_most_is_said(
    invoke: Invoke, converter: Converter, model_file: Path, data_file: Path
) -> None:
    converter.report.costliest = [("neuron_h", 0.75), ("the output", 0.25)]
    converter.report.erring = [("neuron_h", 0.004)]
    lines = invoke("convert", model_file, "-c", data_file).stdout.splitlines()
    assert "cost most (of the energy, fp32): 'neuron_h' 75.00 %, 'the output' 25.00 %" in lines
    assert "err most (own error): 'neuron_h' 0.40 %" in lines


def test_json(invoke: Invoke, converter: Converter, model_file: Path, data_file: Path, tmp_path: Path) -> None:
    words = ("-o", tmp_path / "a.onnx", "--json", "--dynamics", "signgd", "--dynamics-option", "momentum=0.5")
    found = json.loads(invoke("convert", model_file, "-c", data_file, *words).stdout)
    assert (found["output"], found["agreement"]) == (str(tmp_path / "a.onnx"), 0.975)
    assert converter.calls[0]["dynamics_options"] == {"momentum": 0.5}


def test_warnings_are_loud(invoke: Invoke, converter: Converter, model_file: Path) -> None:
    converter.report.warnings += ["no data", "the population 'a' is silent"]
    result = invoke("convert", model_file, "--json")
    assert (result.exit_code, converter.calls[0]["calibration"]) == (0, None)
    assert result.stderr.splitlines() == ["WARNING: no data", "WARNING: the population 'a' is silent"]


def test_images_as_the_model_takes_them(invoke: Invoke, converter: Converter, tmp_path: Path) -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N, 3, 6, 4] x) => (float[N, 3, 6, 4] y) { y = Relu(x) }'
    )
    onnx.save(model, tmp_path / "net.onnx")
    (tmp_path / "images").mkdir()
    Image.new("RGB", (9, 7), (255, 0, 51)).save(tmp_path / "images" / "a.png")
    words = ("--image-mean", "1,0,0", "--image-std", "0.5", "--image-channels", "bgr")
    result = invoke("convert", tmp_path / "net.onnx", "-c", tmp_path / "images", *words)
    assert result.exit_code == 0, result.output
    image = converter.calls[0]["calibration"]["x"]
    assert image.shape == (1, 3, 6, 4)
    np.testing.assert_allclose(image[0, :, 0, 0], [(0.2 - 1) * 2, 0, 2], rtol=1e-5)


def test_the_output_is_checked_before_the_work(refused: Refused, converter: Converter, model_file: Path) -> None:
    target = model_file.with_name("net.snn.onnx")
    target.write_text("mine")
    assert "exists" in refused("convert", model_file)
    assert "is a folder" in refused("convert", model_file, "-o", model_file.parent, "--force")
    assert "there is no folder" in refused("convert", model_file, "-o", model_file.parent / "no" / "a.onnx")
    assert "is no ordinary file" in refused("convert", model_file, "-o", os.devnull, "--force")
    before = model_file.read_bytes()
    assert "is read and cannot be written too" in refused("convert", model_file, "-o", model_file, "--force")
    assert (target.read_text(), model_file.read_bytes(), converter.calls) == ("mine", before, [])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.npz", None, "no file or folder"),
        ("empty.npz", b"", "is empty"),
        ("text.txt", b"1 2 3", "is no data file"),
        ("cut.npz", b"PK\x03\x04 cut", "damaged or truncated"),
    ],
)
def test_calibration_that_cannot_be_read(
    refused: Refused, converter: Converter, model_file: Path, name: str, content: bytes | None, sentence: str
) -> None:
    data = model_file.with_name(name)
    if content is not None:
        data.write_bytes(content)
    assert sentence in refused("convert", model_file, "-c", data)
    assert not model_file.with_name("net.snn.onnx").exists()


def test_a_model_by_name(invoke: Invoke, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("convert", "reference/mnist_mlp", "--no-adapt", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["output"] == "mnist_mlp.snn.onnx"
    assert load("mnist_mlp.snn.onnx").program.populations
    assert "did you mean 'reference/mnist_mlp'" in refused("convert", "reference/mnist_mpl", "-o", "b.onnx")


def test_the_normalisation_of_a_named_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made = zoo.ZooModel("timm/a", onnx.ModelProto(), (3, 64, 64), (0.4, 0.5, 0.6), (0.2,), 73)
    monkeypatch.setattr(zoo, "load", lambda name, **options: made)
    neutral: dict[str, object] = {"mean": (0.0,), "std": (1.0,), "resize": None, "size": None}
    read_named(Path("timm/a"), True, neutral)
    assert neutral == {"mean": made.mean, "std": made.std, "resize": 73, "size": (64, 64)}
    chosen: dict[str, object] = {"mean": (0.1,), "std": (1.0,), "resize": 80, "size": (64, 64)}
    before = dict(chosen)
    read_named(Path("timm/a"), True, chosen)
    assert chosen == before
