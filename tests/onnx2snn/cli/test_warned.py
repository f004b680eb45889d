"""Warnings of a run on the command line: one sentence on stderr, and the run goes on."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from onnx2snn.cli.warned import showing_warnings
from onnx2snn_runtime.errors import Onnx2SnnWarning
from onnx2snn_runtime.kernels import cache, compiling
from tests.onnx2snn.cli.conftest import Invoke


def test_a_warning_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_warnings():
        warnings.warn("the cache is full: empty it", Onnx2SnnWarning, stacklevel=1)
    assert capsys.readouterr().err == "WARNING: the cache is full: empty it\n"
    with pytest.raises(Onnx2SnnWarning):  # outside it is what the settings of Python make of it: here an error
        warnings.warn("the cache is full: empty it", Onnx2SnnWarning, stacklevel=1)


def test_other_warnings_are_left_alone() -> None:
    with pytest.raises(UserWarning, match="another"), showing_warnings():
        warnings.warn("another", UserWarning, stacklevel=1)


def test_a_run_goes_on(
    invoke: Invoke, ir_file: Path, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if compiling.unavailable("differential"):
        pytest.skip("there is no C compiler")
    monkeypatch.setenv("ONNX2SNN_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    for remembered in (compiling.library, cache._tell):
        remembered.cache_clear()
    result = invoke("run", ir_file, "-i", data_file, "-o", tmp_path / "y.npy")
    compiling.library.cache_clear()
    assert result.exit_code == 0, result.output
    assert result.stderr.count("WARNING: the cache") == 1
    assert "so kernels are compiled at every start" in result.stderr
    assert np.load(tmp_path / "y.npy").shape == (40, 3)
