"""No run mixes devices, waits for one or, once it is warm, makes tensors on the host: on fake tensors of a device."""

import subprocess
import sys

import pytest

from tests.runtime import fake_device


def run(which: str) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.fake_device", which]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_layers_and_dynamics_with_every_executor() -> None:
    assert f"{len(list(fake_device.quick()))} of {len(list(fake_device.quick()))} cases" in run("quick")


def test_a_few_architectures_with_every_executor() -> None:
    assert "cases on fake tensors" in run("few")


@pytest.mark.slow
def test_operators() -> None:
    assert "cases on fake tensors" in run("operators")


def test_what_is_looked_for_is_found() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.fake_device", "wrong"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    *failed, last = done.stdout.splitlines()
    errors = ["DeviceMismatchError", "DataDependentOutputException", *["AssertionError"] * 2]
    errors += ["DataDependentOutputException", "DynamicOutputShapeException"]
    assert all(error in line for error, line in zip(errors, failed, strict=True)), done.stdout
    assert (done.returncode, last) == (1, "0 of 6 cases on fake tensors of a device")


@pytest.mark.slow
def test_kept_files_with_every_executor() -> None:
    assert "cases on fake tensors" in run("slow")


@pytest.mark.slow
def test_architectures_with_every_executor_and_dynamics() -> None:
    assert "cases on fake tensors" in run("models")
