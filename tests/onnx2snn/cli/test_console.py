"""What is printed, to pipes and to terminals."""

import io
import json
import sys

import numpy as np
import pytest

from onnx2snn.cli import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_tables_in_a_pipe_are_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(["name", "n"], [["[b]a", 1], ["b" * 90, None]])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["name" + " " * 88 + "n", "[b]a" + " " * 88 + "1", "b" * 90 + "  -"]


def test_what_json_cannot_say_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"a": float("nan"), "b": np.float32(2), "c": np.arange(2), 4: ("x", True, None)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": 2.0, "c": [0, 1], "4": ["x", True, None]}


def test_bars_appear_on_terminals_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with console.progress() as move:
        move("quick", 0.5)
    assert sys.stderr.getvalue() == ""
    monkeypatch.setattr(console, "PATIENCE", -1.0)
    with console.progress() as move:
        move("slow", 0.5)
    assert "slow" in sys.stderr.getvalue()


def test_no_bars_and_colours_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(console, "PATIENCE", -1.0)
    with console.progress() as move:
        move("slow", 0.5)
    console.warn("this")
    assert capsys.readouterr() == ("", "WARNING: this\n")


def test_figures_as_text() -> None:
    assert (console.percent(0.975), console.percent(None)) == ("97.50 %", None)
    assert (console.number(1.23456, 3), console.number(None)) == ("1.23", None)
