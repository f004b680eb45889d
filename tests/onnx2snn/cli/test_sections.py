"""--help with titled sections."""

import re
import subprocess
import sys

import click
import pytest

from onnx2snn.cli import main
from onnx2snn.cli.sections import OTHER, Command, Option
from onnx2snn.settings import ConversionSettings
from onnx2snn.settings.conversion import OWNERS, PARTS
from tests.onnx2snn.cli.conftest import Invoke

MANY = 12
"""Options from which on a command has to have sections."""
TITLES = {"spikes": "Spikes", "network": "Network", "ranges": "Calibration", "adaptation": "Adaptation"}


CONTEXT = click.Context(main)
COMMANDS = {name: main.get_command(CONTEXT, name) for name in main.list_commands(CONTEXT)}


def options_of(name: str) -> list[click.Option]:
    """Return the options of the command `name`."""
    return [p for p in getattr(COMMANDS[name], "params", ()) if isinstance(p, click.Option)]


LARGE = [name for name in COMMANDS if len(options_of(name)) >= MANY]


def sections(text: str) -> dict[str, list[str]]:
    """Return the long names of the options under every title of a help text."""
    found: dict[str, list[str]] = {}
    for title, body in re.findall(r"^(\w[\w ]*):\n((?:  .*\n?)+)", text, re.MULTILINE):
        found[title] = re.findall(r"^  (?:-\w, )?(--[\w-]+)", body, re.MULTILINE)
    return found


def test_the_sections_of_convert(invoke: Invoke) -> None:
    found = sections(invoke("convert", "--help").stdout)
    titles = [
        "Output",
        "Calibration",
        "Spikes",
        "Network",
        "Adaptation",
        "Streams",
        "Settings file",
        "Energy",
        "Images",
    ]
    titles += ["Machine", OTHER]
    assert list(found) == titles
    assert found["Output"] == ["--output", "--force", "--json"]
    assert found["Spikes"][:5] == ["--payload", "--bits", "--timesteps", "--levels", "--mantissa"]
    assert found["Machine"] == ["--device", "--threads"]
    assert found[OTHER] == ["--debug", "--help"]


@pytest.mark.parametrize("name", LARGE)
def test_every_option_of_a_large_command_stands_in_a_section_once(name: str, invoke: Invoke) -> None:
    assert isinstance(COMMANDS[name], Command)
    assert [p.name for p in options_of(name) if getattr(p, "section", OTHER) == OTHER] == ["debug"]
    shown = [option for found in sections(invoke(name, "--help").stdout).values() for option in found]
    assert sorted(shown) == sorted([*(p.opts[-1] for p in options_of(name)), "--help"])


def test_the_large_commands_are_known() -> None:
    assert set(LARGE) == set("bench compare convert diagnose evaluate export report run stream study tune".split())


def test_every_setting_is_an_option_in_the_section_of_its_part() -> None:
    options = {p.name: p for p in options_of("convert") if isinstance(p, Option)}
    defaults = ConversionSettings()
    for name, part in OWNERS.items():
        assert options[name].section == TITLES[part]
        if options[name].show_default:
            assert options[name].default == defaults.get(name), name
    assert set(TITLES) == set(PARTS)


def test_help_of_a_command_brings_no_torch() -> None:
    code = "import sys, click.testing as t, onnx2snn.cli as c; r = t.CliRunner().invoke(c.main, ['convert', '--help'])"
    code += "; print(r.exit_code, 'torch' in sys.modules, 'onnxruntime' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "0 False False\n"
