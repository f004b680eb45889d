"""Networks that six frameworks' own exporters wrote: tests/fixtures/exporters says how each was made."""

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.pipeline import prepare
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.model import SpikingModel

FOLDER = Path(__file__).parents[1] / "fixtures" / "exporters"
NAMES = sorted(path.stem for path in FOLDER.glob("*.onnx"))


def data(name: str, part: str) -> dict[str, np.ndarray]:
    """Return the arrays of one part of a fixture: calibration or test inputs, or the framework's own outputs."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        return {key.split(".", 1)[1]: stored[key] for key in stored.files if key.startswith(part + ".")}


@cache
def original(name: str) -> dict[str, np.ndarray]:
    return run_ann(prepare(onnx.load(FOLDER / f"{name}.onnx")).model, data(name, "test"), 256)


@cache
def converted(name: str) -> SpikingModel:
    return onnx2snn.convert(FOLDER / f"{name}.onnx", data(name, "calibration"))


def error(got: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.linalg.norm(got.astype(np.float64) - wanted) / np.linalg.norm(wanted.astype(np.float64)))


@pytest.mark.parametrize("name", NAMES)
def test_the_exported_file_computes_what_the_framework_does(name: str) -> None:
    for output, wanted in data(name, "output").items():
        assert error(original(name)[output], wanted) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_the_ir_computes_what_the_exported_file_does(name: str) -> None:
    got = run_ann(converted(name).proto, data(name, "test"), 256)
    for output, wanted in original(name).items():
        assert error(got[output], wanted) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_the_spiking_network_answers_as_the_plain_one(name: str) -> None:
    snn = converted(name)
    assert snn.conversion.reached
    got = snn(data(name, "test"), timesteps=4)
    scores = next(iter(data(name, "output")))
    answers = got[scores] if isinstance(got, dict) else got
    wanted = original(name)[scores]
    assert error(answers, wanted) < 0.01
    assert np.mean(answers.argmax(-1) == wanted.argmax(-1)) >= 0.99


@pytest.mark.parametrize("name", NAMES)
def test_nothing_learned_is_left_analog(name: str) -> None:
    ops = {node.op_type for node in converted(name).proto.graph.node if node.domain != "onnx2snn"}
    assert not ops & {"Relu", "Erf", "Gelu", "Sigmoid", "HardSwish", "LayerNormalization", "MaxPool", "Tanh", "Exp"}
