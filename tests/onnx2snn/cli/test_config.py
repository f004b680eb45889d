"""onnx2snn convert --config: settings from a file, and what the command line overrides."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import onnx2snn
from onnx2snn.settings import ConversionSettings
from onnx2snn_runtime.loading import load
from tests.onnx2snn.cli.conftest import Converter, Invoke

Refused = Callable[..., str]
CONFIG = """
[spikes]
levels = 9
dynamics = "signgd"
dynamics_options = { momentum = 0.5 }
schedule_options = { decay = 0.9 }
[network]
delay = 1
[ranges]
scale = "channel"
samples = 30
[adaptation]
adapt = false
tolerance = 0.05
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text(CONFIG)
    return tmp_path / "settings.toml"


def test_the_converter_gets_the_settings_of_the_file(
    invoke: Invoke, converter: Converter, model_file: Path, config: Path
) -> None:
    result = invoke("convert", model_file, "--config", config)
    assert result.exit_code == 0, result.output
    expected = {
        "levels": 9, "dynamics": "signgd", "dynamics_options": {"momentum": 0.5}, "schedule_options": {"decay": 0.9},
        "delay": 1, "scale": "channel", "samples": 30, "adapt": False, "tolerance": 0.05, "mantissa": None,
    }  # fmt: skip
    assert {name: converter.calls[0][name] for name in expected} == expected
    assert "schedule" not in converter.calls[0]


def test_the_command_line_overrides_the_file(
    invoke: Invoke, converter: Converter, model_file: Path, config: Path
) -> None:
    words = ("--levels", 7, "--adapt", "--schedule-option", "initial=0.5", "--scale", "layer", "--config", config)
    assert invoke("convert", model_file, *words).exit_code == 0
    expected = {
        "levels": 7, "adapt": True, "schedule_options": {"initial": 0.5}, "scale": "layer", "delay": 1,
        "dynamics_options": {"momentum": 0.5},
    }  # fmt: skip
    assert {name: converter.calls[0][name] for name in expected} == expected


def test_settings_of_another_dynamics_stay_behind(
    invoke: Invoke, converter: Converter, model_file: Path, config: Path
) -> None:
    for words in (("--dynamics", "if", "--schedule", "sqrt"), ("--dynamics", "signgd", "--schedule", "exponential")):
        assert invoke("convert", model_file, "--config", config, "--force", *words).exit_code == 0
    other, same = converter.calls
    assert (other["dynamics"], "dynamics_options" in other, "schedule_options" in other) == ("if", False, False)
    assert (same["dynamics_options"], same["schedule_options"]) == ({"momentum": 0.5}, {"decay": 0.9})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[spikes]\nlevles = 3", "has no setting 'levles': did you mean 'levels'?"),
        ("[spike]\nlevels = 3", "holds no table of settings 'spike': did you mean 'spikes'?"),
        ("levels = 3", "'levels' stands outside the tables of"),
        ("[network]\nlevels = 3", "'levels' stands in [network] of"),
        ("[spikes]\nlevels = '3'", "levels is '3': give a whole number"),
        ("[ranges]\nscale = 'row'", "there is no choice 'row' for scale: choose layer, channel, neuron"),
        ("[spikes\nlevels = 3", "is no TOML file (Expected ']' at the end of a table declaration"),
        ("[spikes]\nlevels = 3\nlevels = 4", "is no TOML file (Cannot overwrite a value"),
        (b"\xff\xfe", "is no TOML file ("),
        ("a = " + "[" * 100_000, "is no TOML file (maximum recursion depth"),
        (None, "there is no file"),
    ],
)
def test_files_that_cannot_be_used(
    refused: Refused, converter: Converter, model_file: Path, tmp_path: Path, text: str | bytes | None, sentence: str
) -> None:
    path = tmp_path / "settings.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = refused("convert", model_file, "--config", path)
    assert sentence in found
    assert str(path) in found
    assert converter.calls == []


def test_a_folder_is_no_config(refused: Refused, converter: Converter, model_file: Path, tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in refused("convert", model_file, "--config", tmp_path)


def test_a_pipe_is_no_config(refused: Refused, converter: Converter, model_file: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", "/dev/zero"):
        assert "is no ordinary file: give a TOML file" in refused("convert", model_file, "--config", path)
    assert converter.calls == []


def test_a_conversion_is_repeated_from_its_file(
    invoke: Invoke, refused: Refused, model_file: Path, ir_file: Path, data_file: Path, tmp_path: Path
) -> None:
    paths = tmp_path / "a.snn.onnx", tmp_path / "b.snn.onnx"
    words = ("--levels", 6, "--scale", "channel", "--schedule-option", "decay=0.9", "--samples", 20, "--json")
    first = json.loads(invoke("convert", model_file, "-c", data_file, "-o", paths[0], *words).stdout)
    assert first["settings"]["spikes"]["schedule_options"] == {"decay": 0.9}
    assert first["settings"] == load(paths[0]).defaults.settings
    assert invoke("convert", model_file, "-c", data_file, "-o", paths[1], "--config", paths[0]).exit_code == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    expected = ConversionSettings().updated(levels=6, scale="channel", schedule_options={"decay": 0.9}, samples=20)
    assert ConversionSettings.from_tables(onnx2snn.load(paths[1]).defaults.settings) == expected
    assert json.loads(invoke("inspect", paths[1], "--json").stdout)["settings"] == expected.tables()
    line = "converted with: schedule_options {'decay': 0.9}, levels 6, scale channel, samples 20"
    assert line in invoke("inspect", paths[1]).stdout.splitlines()
    assert "records no settings" in refused("convert", model_file, "-o", tmp_path / "c", "--config", ir_file)
    assert "is no spiking IR file" in refused("convert", model_file, "-o", tmp_path / "c", "--config", model_file)
