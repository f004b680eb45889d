"""onnx2snn compare."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.onnx2snn.cli.conftest import Invoke


def test_two_settings_of_one_file(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    words = ("--with", "dynamics=signgd", "--with", "schedule_options.decay=0.9")
    result = invoke("compare", ir_file, "--data", data_file, "--with", "dynamics=signgd", "--json", "--timesteps", "4")
    found = json.loads(result.stdout)
    assert found["second"]["timesteps"]["4"]["events_per_neuron"] == 4.0
    assert found["first"]["timesteps"]["4"]["events_per_neuron"] < 4.0
    assert found["second"]["label"].endswith("net.snn.onnx dynamics=signgd")
    assert invoke("compare", ir_file, "--data", data_file, *words).exit_code == 1


def test_settings_of_the_schedule(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    words = ("--dynamics", "signgd", "--with", "schedule.decay=0.8", "--timesteps", "8", "--json")
    found = json.loads(invoke("compare", ir_file, "--data", data_file, *words).stdout)
    errors = [found[side]["timesteps"]["8"]["relative_error"] for side in ("first", "second")]
    assert errors[0] != errors[1]


def test_two_files_in_a_table(invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.snn.onnx").write_bytes(ir_file.read_bytes())
    result = invoke("compare", ir_file, tmp_path / "other.snn.onnx", "--data", data_file, "--timesteps", "2,4")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[1].startswith("B: ")
    assert "other.snn.onnx (plain network" in lines[1]
    assert [line.split()[:2] for line in lines[3:]] == [["2", "A"], ["2", "B"], ["4", "A"], ["4", "B"]]
    assert lines[3].split()[2:] == lines[4].split()[2:]


def test_nothing_to_compare_with(invoke: Invoke, ir_file: Path, data_file: Path) -> None:
    result = invoke("compare", ir_file, "--data", data_file)
    assert (result.exit_code, "nothing to compare with" in result.stderr) == (2, True)


def test_unknown_settings(refused: Callable[..., str], ir_file: Path, data_file: Path, features: np.ndarray) -> None:
    assert "--with knows no setting 'colour'" in refused("compare", ir_file, "-d", data_file, "--with", "colour=red")
