"""Under the sanitizers for addresses and undefined behaviour the whole test suite of the C kernels has no finding."""

import subprocess
import sys
from pathlib import Path

import pytest

from onnx2snn_runtime.kernels import compiling
from tests.runtime.kernels.sanitized import environment

pytestmark = pytest.mark.skipif(compiling.unavailable("signgd") is not None, reason="there is no C compiler")


def sanitized(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    variables = environment(folder)
    if variables is None:
        pytest.skip("gcc has no library of the address sanitizer")
    command = [sys.executable, "-m", "tests.runtime.kernels.sanitized", *words]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=900, check=False)


@pytest.mark.slow
def test_the_suite_has_no_finding(tmp_path: Path) -> None:
    done = sanitized(tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert " passed" in done.stdout
    assert "Sanitizer" not in done.stderr
    assert len(list(tmp_path.glob("*.so"))) >= 7


@pytest.mark.slow
def test_a_read_out_of_bounds_is_a_finding(tmp_path: Path) -> None:
    done = sanitized(tmp_path, "overflow")
    assert done.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in done.stderr, done.stderr[-4000:]
    assert "scan_float32" in done.stderr
