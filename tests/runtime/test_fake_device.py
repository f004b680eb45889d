"""No run mixes devices, waits for one or, once it is warm, makes tensors on the host: on fake tensors of a device."""

import subprocess
import sys

import pytest

from models import networks
from tests.runtime import fake_device


def run(*arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.fake_device", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("kind", ["quick", "ways"])
def test_layers_with_every_executor_dynamics_encoder_and_way(kind: str) -> None:
    count = len(list(fake_device.KINDS[kind]()))
    assert count > 40
    assert f"{count} of {count} cases" in run(kind)


def test_a_few_architectures_with_every_executor() -> None:
    assert "9 of 9 cases on fake tensors" in run("few")


def test_values_of_convolutions_stay_in_channels_last_in_half_precision() -> None:
    assert "3 of 3 cases" in run("layouts")


@pytest.mark.slow
def test_operators() -> None:
    assert "cases on fake tensors" in run("operators")


def test_what_is_looked_for_is_found() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.fake_device", "wrong"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    *failed, last = done.stdout.splitlines()
    errors = ["DeviceMismatchError", "DataDependentOutputException", *["AssertionError"] * 4]
    errors += ["DataDependentOutputException", "DynamicOutputShapeException"]
    assert all(error in line for error, line in zip(errors, failed, strict=True)), done.stdout
    assert (done.returncode, last) == (1, f"0 of {len(errors)} cases on fake tensors of a device")


@pytest.mark.slow
def test_kept_files_with_every_executor() -> None:
    assert "cases on fake tensors" in run("slow")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(networks))
def test_architectures_with_every_executor_dynamics_and_way(name: str) -> None:
    assert "cases on fake tensors" in run("models", name)
