"""The GPU benchmark says what it needs where there is no GPU."""

import pytest
import torch
from click.testing import CliRunner

from benchmarks import gpu


def test_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = CliRunner().invoke(gpu.main, [])
    assert result.exit_code == 1
    assert "there is no CUDA device here: run this on a machine with one" in result.output


@pytest.mark.gpu
def test_a_kernel_comes_near_a_copy() -> None:
    row = gpu.measure_kernel((256, 56, 56), 16, 4, torch.float16, gpu.copy_bandwidth())
    assert row["of a copy"] > 0.3
