"""Kernels in C come to be: compiled, kept, with torch's threads or without, or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels import compiling
from onnx2snn_runtime.kernels.differential import DifferentialScan

pytestmark = pytest.mark.skipif(compiling.unavailable("differential") is not None, reason="there is no C compiler")


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """An empty cache, and nothing remembered in the process before or after."""
    monkeypatch.setenv("ONNX2SNN_CACHE", str(tmp_path))
    compiling.library.cache_clear()
    yield tmp_path
    compiling.library.cache_clear()


def scanned() -> torch.Tensor:
    x = torch.linspace(-3, 3, 4 * 3 * 40_000).reshape(4, 3, 40_000)
    return DifferentialScan().scan(Differential(), x, State(torch.zeros(3, 40_000)), 4, 1, Neuron(2.0), None).values


def test_compiled_once(empty: Path) -> None:
    first = compiling.library("differential")
    assert first is not None
    assert first.seconds > 0
    assert len(list(empty.glob("differential-*.so"))) == 1
    compiling.library.cache_clear()
    again = compiling.library("differential")
    assert again is not None
    assert again.seconds == 0


def test_without_openmp_one_thread_does_the_same(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = scanned()
    compiling.library.cache_clear()
    load = compiling._load
    monkeypatch.setattr(compiling, "_load", lambda path, threaded: None if threaded else load(path, threaded))
    native = compiling.library("differential")
    assert native is not None
    assert not native.threaded
    assert torch.equal(scanned(), expected)


def test_a_compiler_that_fails_is_none(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "FLAGS", ("--no-such-flag",))
    assert compiling.library("differential") is None
    assert compiling.unavailable("differential") == "there is no C compiler that works: cc, gcc or clang"
    assert not list(empty.iterdir())


def test_without_room_for_temporary_files_there_is_no_kernel(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(compiling.tempfile, "TemporaryDirectory", full)
    assert compiling.library("differential") is None


def test_openmp_is_found_without_torch() -> None:
    code = "from onnx2snn_runtime.kernels.compiling import library; import sys; assert library('signgd')"
    done = subprocess.run(
        [sys.executable, "-c", code + "; assert 'torch' not in sys.modules"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
