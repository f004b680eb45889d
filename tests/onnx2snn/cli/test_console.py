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


HOSTILE = "a\x1b[31m\x9b0m\r\n\u202eb\udc80\x7f"


def test_no_control_character_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.say(HOSTILE)
    console.warn(HOSTILE)
    console.error(HOSTILE)
    console.note(HOSTILE)
    console.table([HOSTILE], [[HOSTILE]])
    out, err = capsys.readouterr()
    shown = r"a\x1b[31m\x9b0m\r\n\u202eb\udc80\x7f"
    assert [line.rstrip() for line in out.splitlines()] == [shown] * 3
    assert err.splitlines() == [f"WARNING: {shown}", f"Error: {shown}", shown]
    console.print_json({HOSTILE: [HOSTILE, "é"]})
    out = capsys.readouterr().out
    assert json.loads(out) == {HOSTILE: [HOSTILE, "é"]}
    assert not set(out) & (set(HOSTILE) - set("ab[310m\n"))


def test_what_the_encoding_cannot_say_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    console.say("é")
    console.table(["é"], [["é"]])
    console.print_json({"é": "é"})
    stream.flush()
    text = stream.buffer.getvalue().decode()
    assert [line.rstrip() for line in text.splitlines()[:3]] == [r"\xe9"] * 3
    assert json.loads("\n".join(text.splitlines()[3:])) == {"é": "é"}


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


def test_streams_that_are_closed_take_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    console.open_streams()
    console.say("into nothing")
    sys.stdout.close()
