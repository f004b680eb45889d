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
    for cached in (compiling.library, compiling._folder):
        cached.cache_clear()
    yield tmp_path
    for cached in (compiling.library, compiling._folder):
        cached.cache_clear()


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


def test_a_cache_that_cannot_be_written_is_a_temporary_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("ONNX2SNN_CACHE", str(blocked / "cache"))
    compiling._folder.cache_clear()
    assert compiling._folder().is_dir()
    assert not compiling._folder().is_relative_to(tmp_path)
    compiling._folder.cache_clear()


def test_openmp_is_found_without_torch() -> None:
    code = "from onnx2snn_runtime.kernels.compiling import library; import sys; assert library('signgd')"
    done = subprocess.run(
        [sys.executable, "-c", code + "; assert 'torch' not in sys.modules"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
