"""onnx2snn diagnose."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Invoke


@pytest.fixture
def broken_file(ir_file: Path, tmp_path: Path) -> Path:
    snn = load(ir_file)
    snn.set_population("neuron_h", scale=0.08)
    snn.save(tmp_path / "broken.snn.onnx")
    return tmp_path / "broken.snn.onnx"


def test_the_population_is_named_and_the_mended_file_is_sound(
    invoke: Invoke, broken_file: Path, data_file: Path, tmp_path: Path
) -> None:
    mended = tmp_path / "mended.snn.onnx"
    result = invoke("diagnose", broken_file, "-d", data_file, "--output", mended, "--tolerance", "0.05")
    assert result.exit_code == 0, result.output
    assert "the error first jumps at 'neuron_h'" in result.stdout
    assert "times too small for values up to" in result.stdout
    assert "mends it" in result.stdout
    assert "in Python: snn.set_population('neuron_h', scale=8.0)" in result.stdout
    assert f"written: {mended}" in result.stdout
    again = invoke("diagnose", mended, "-d", data_file, "--tolerance", "0.05")
    assert "nothing to mend" in again.stdout
    assert float(load(mended).program.attributes("neuron_h").scale) == 8.0


def test_json(invoke: Invoke, broken_file: Path, data_file: Path) -> None:
    result = invoke("diagnose", broken_file, "-d", data_file, "--json", "--samples", 5, "--timesteps", "1,3")
    found = json.loads(result.stdout)
    assert (found["samples"], list(found["errors"])) == (5, ["1", "3", "4"])
    assert found["findings"][0]["population"] == "neuron_h"
    assert found["populations"][0]["at"]["4"]["saturated"] > 0.3


def test_the_command_that_mends_is_shown(invoke: Invoke, broken_file: Path, data_file: Path) -> None:
    lines = invoke("diagnose", broken_file, "-d", data_file).stdout.splitlines()
    assert lines[-1] == (
        f"write the mended network: onnx2snn diagnose {broken_file} --data {data_file} --output mended.snn.onnx"
    )


def test_what_is_read_is_not_overwritten(refused: Callable[..., str], broken_file: Path, data_file: Path) -> None:
    assert "is read and cannot be written too" in refused(
        "diagnose", broken_file, "-d", data_file, "--output", broken_file
    )
