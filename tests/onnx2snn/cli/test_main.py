"""The group of commands: what it lists, and what becomes of errors."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from onnx2snn.cli import main, options
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.base import SCHEDULES
from tests.onnx2snn.cli.conftest import Invoke, Refused


def module(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "onnx2snn", *words], capture_output=True, text=True, check=False)


def test_version_of_the_module() -> None:
    result = module("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("onnx2snn 0.")


def test_errors_of_the_module_are_one_sentence() -> None:
    result = module("evaluate", "nothing.onnx", "--data", "x.npz")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: there is no file 'nothing.onnx': check the path\n"


def test_help_lists_the_commands_without_loading_torch() -> None:
    code = "import sys, click.testing as t, onnx2snn.cli as c; r = t.CliRunner().invoke(c.main, ['--help'])"
    code += "; print(r.output, 'torch' in sys.modules, 'onnxruntime' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("compare", "convert", "demo", "evaluate", "inspect", "run"):
        assert f"\n  {name} " in result.stdout
    assert "..." not in result.stdout.partition("Commands:")[2]
    assert result.stdout.endswith("False False\n")


def test_help_names_what_is_registered() -> None:
    for text, registry in ((options.DYNAMICS, DYNAMICS), (options.SCHEDULES, SCHEDULES), (options.ENCODERS, ENCODERS)):
        assert text == ", ".join(registry)


def test_usage_errors_exit_with_2(invoke: Invoke) -> None:
    result = invoke("convrt", "m.onnx")
    assert (result.exit_code, "there is no command 'convrt': did you mean 'convert'?" in result.stderr) == (2, True)
    result = invoke("nonsense")
    assert (result.exit_code, "there is no command 'nonsense': bench, compare, convert" in result.stderr) == (2, True)
    assert invoke("run").exit_code == 2
    result = invoke("evaluate", "m", "--data", "d", "--timesteps", "0,4")
    assert (result.exit_code, "'0,4' holds a number below 1" in result.stderr) == (2, True)
    result = invoke("evaluate", "m", "--data", "d", "--timesteps", "four")
    assert (
        result.exit_code,
        "'four' is no list of numbers with commas between them, such as 1,2,4,8" in result.stderr,
    ) == (2, True)
    result = invoke("evaluate", "m", "--data", "d", "--image-size", "2x3x4")
    assert (result.exit_code, "'2x3x4' is no size" in result.stderr) == (2, True)
    result = invoke("evaluate", "m", "--data", "d", "--schedule-option", "decay")
    assert (result.exit_code, "'decay' is no setting" in result.stderr) == (2, True)


@pytest.mark.parametrize("words", [["--debug", "inspect", "x"], ["inspect", "x", "--debug"]])
def test_debug_keeps_the_traceback(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, InputError("bad"))
    assert isinstance(CliRunner().invoke(main, words).exception, InputError)


def test_an_interrupt_exits_with_130(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    result = invoke("inspect", "x")
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")


def test_used_up_memory_is_one_sentence(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, torch.OutOfMemoryError("CUDA out of memory"))
    assert refused("run", "x", "-i", "x", "-o", "y").endswith("the memory is used up: choose a smaller --batch-size")
    raising(monkeypatch, RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8000 bytes"))
    assert refused("tune", "x", "-d", "x").endswith("the memory is used up: choose a smaller --samples")
    raising(monkeypatch, MemoryError())
    assert "take a machine with more of it" in refused("inspect", "x")


def test_whatever_escapes_is_one_sentence(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (
        RuntimeError("a bug"),
        KeyError("a bug"),
        AssertionError("a bug\nand more"),
        ZeroDivisionError("a bug"),
    ):
        raising(monkeypatch, error)
        text = refused("inspect", "x")
        assert "onnx2snn failed (" + type(error).__name__ in text
        assert text.endswith("a bug): check the model and the data; --debug shows where") or isinstance(error, KeyError)
        assert CliRunner().invoke(main, ["inspect", "x", "--debug"]).exception is error


def test_a_reader_that_has_gone_is_no_error(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert "Error" not in invoke("inspect", "x").stderr


def test_names_of_the_command_line_do_not_move_the_cursor(invoke: Invoke) -> None:
    for words in (["--\x1b[31m"], ["inspect", "--\x1b[31m"], ["inspect", "\x1b[31m.onnx"]):
        result = invoke(*words)
        assert result.exit_code in (1, 2)
        assert "\x1b" not in result.output
        assert "x1b[31m" in result.output


def test_threads_hold_while_a_command_runs(
    invoke: Invoke, ir_file: Path, data_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen: list[tuple[int, str]] = []
    monkeypatch.setattr(
        torch, "manual_seed", lambda s: seen.append((torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]))
    )
    before = torch.get_num_threads()
    assert invoke("evaluate", ir_file, "--data", data_file, "--threads", 2).exit_code == 0
    assert seen == [(2, "2")]
    assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (before, "1")


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def stop(*words: object, **options: object) -> None:
        raise error

    from onnx2snn.cli import inspect, run, tune

    for module in (inspect, run, tune):
        monkeypatch.setattr(module.command, "invoke", stop)
