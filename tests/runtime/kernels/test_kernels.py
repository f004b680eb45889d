"""Every kernel is T steps of its dynamics to the bit: the C ones here, Triton's by its interpreter and on a GPU."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Neuron, State
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.dynamics.integrate_and_fire import IntegrateAndFire
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.kernels import compiling, launch
from onnx2snn_runtime.kernels.base import KERNELS, available, find_kernel
from tests.runtime.kernels.cases import CASES, DEVICE, HALF
from tests.runtime.kernels.checking import check

COMPILED = ("differential", "integrate_and_fire", "signgd", "subgradient", "ternary")
TRITON = tuple(f"{name}_triton" for name in COMPILED)
installed = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("label", CASES)
def test_compiled_for_the_cpu(name: str, label: str) -> None:
    reason = KERNELS[name]().missing()
    if reason:
        pytest.skip(reason)
    check(name, CASES[label])


@installed
@pytest.mark.parametrize("name", TRITON)
def test_interpreted(name: str) -> None:
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.kernels.checking", name, "cpu"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"{len(CASES) + len(HALF)} cases of {name} on cpu agree" in done.stdout


@installed
@pytest.mark.slow
@pytest.mark.parametrize("name", TRITON)
def test_compiled_for_cuda(name: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    command = [sys.executable, "-W", "ignore", "-m", "tests.runtime.kernels.compiled", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "binaries" in done.stdout


@pytest.mark.gpu
@pytest.mark.parametrize("name", TRITON)
@pytest.mark.parametrize("label", {**CASES, **HALF, **DEVICE})
def test_on_a_gpu(name: str, label: str) -> None:
    check(name, {**CASES, **HALF, **DEVICE}[label], "cuda")


def test_every_kernel_says_why_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(available()) >= {*COMPILED, *TRITON}
    monkeypatch.setenv("ONNX2SNN_NATIVE", "0")
    assert available()["differential"] == "ONNX2SNN_NATIVE=0 switches it off"
    monkeypatch.delenv("ONNX2SNN_NATIVE")
    monkeypatch.setattr(compiling, "library", lambda name: None)
    assert compiling.unavailable("signgd") == "there is no C compiler that works: cc, gcc or clang"


@pytest.mark.parametrize(
    ("module", "cuda", "reason"),
    [("triton_that_is_not_there", True, "triton is not installed"), ("math", False, "there is no CUDA device")],
)
def test_without_triton_or_a_device(
    monkeypatch: pytest.MonkeyPatch, module: str, cuda: bool, reason: str | None
) -> None:
    monkeypatch.setattr(launch, "REQUIRED", module)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    launch.missing.cache_clear()
    assert launch.missing() == reason
    assert available()["differential_triton"] == reason
    launch.missing.cache_clear()


def test_half_precision_is_not_for_the_cpu() -> None:
    assert find_kernel(Differential(), torch.zeros(2, 3, dtype=torch.float16)) is None
    assert find_kernel(SignGD(), torch.zeros(2, 3, dtype=torch.bfloat16)) is None
    assert find_kernel(IntegrateAndFire(), torch.zeros(2, 3, dtype=torch.float16)) is None


@pytest.mark.parametrize("name", [*COMPILED, *TRITON])
def test_a_kernel_scans_its_own_dynamics_alone(name: str) -> None:
    other = SignGD() if name.startswith("differential") else Differential()
    zero = torch.zeros(1, 3)
    assert not KERNELS[name]().fits(other, zero)
    with pytest.raises(TypeError, match="that fits\\(\\) accepts"):
        KERNELS[name]().scan(other, zero, State(zero[0]), 1, 1, Neuron(1.0), None)
