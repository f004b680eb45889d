"""The GPU benchmark says what it needs where there is no GPU, and all of it runs on a stand-in for one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from benchmarks import gpu
from benchmarks.networks import Subject


def test_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = CliRunner().invoke(gpu.main, [])
    assert result.exit_code == 1
    assert "there is no CUDA device here: run this on a machine with one" in result.output


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the CPU be the device: each function is called once, and takes 2 ms."""

    def timed(function: Callable[[], object], repeats: int = 20) -> float:
        function()
        return 0.002

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Stand-in 9000")
    for name, value in {"DEVICE": "cpu", "KERNEL": "differential", "seconds": timed}.items():
        monkeypatch.setattr(gpu, name, value)
    monkeypatch.setattr(gpu, "copy_bandwidth", lambda: 1e9)
    monkeypatch.setattr(gpu, "SHAPES", {"small": (4, 8)})
    subjects = {"net": Subject("net", net, (3, 8, 8)), "broken": Subject("broken", lambda: 1 / 0, (3, 8, 8))}
    monkeypatch.setattr(gpu, "SUBJECTS", subjects)


@pytest.mark.usefixtures("stand_in")
def test_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "check", lambda limit: {"passed": True, "summary": ["7 passed"]})
    arguments = ["--networks", "net,broken", "--batch", "2", "--timesteps", "3", "--out", str(tmp_path)]
    result = CliRunner().invoke(gpu.main, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["device"] == "Stand-in 9000"
    assert found["networks"].keys() == {f"{name}, batch {n}" for name in ("net", "broken") for n in (2, 1)}
    runs = found["networks"]["net, batch 2"]["runs"]
    assert runs["channels last"] == {"seconds": 0.002, "over T forward passes": pytest.approx(1 / 3)}
    assert "cuda_graphs needs a CUDA device" in runs["channels last, CUDA graph"]["failed"]
    assert found["networks"]["broken, batch 2"]["failed"] == "ZeroDivisionError: division by zero"
    assert found["kernels"]["small, float32"]["of a copy"] > 0
    assert sum(found["profiles"]["net, batch 2"]["totals"].values()) > 0
    text = (tmp_path / "gpu.md").read_text()
    for line in (
        "# Stand-in 9000",
        "| net, batch 2 | channels last | 2.00 | 0.33 |",
        "| broken, batch 1 | ZeroDivisionError: division by zero | | |",
        "7 passed",
    ):
        assert line in text


@pytest.mark.usefixtures("stand_in")
def test_what_there_is_no_time_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10000, 10))
    monkeypatch.setattr(gpu.time, "monotonic", lambda: next(clock))
    found = gpu.measure(2, 3, ["net"], checks=False, limit=25, out=None)
    rows = [row for section in ("kernels", "networks", "profiles") for row in found[section].values()]
    assert [row.get("failed") for row in rows][-2:] == ["left out: no time"] * 2
    assert "failed" not in rows[0]


def test_checks_are_of_the_files_with_marked_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    files = gpu.marked_files()
    assert "tests/runtime/kernels/test_kernels.py" in files
    assert len(files) < 15
    monkeypatch.setattr(gpu, "marked_files", lambda: ["--version"])
    assert gpu.check(60)["passed"]
    assert gpu.check(0.001)["summary"][-1] == "stopped after 0 s"


@pytest.mark.gpu
def test_a_kernel_comes_near_a_copy() -> None:
    row = gpu.measure_kernel((256, 56, 56), 16, 4, torch.float16, gpu.copy_bandwidth())
    assert row["of a copy"] > 0.3
