"""Freed memory stays with the process, so that runs are not mapped anew."""

import os
import subprocess
import sys

import pytest
import torch

from onnx2snn_runtime.batches import heap

FAULTS = """
import resource, sys, torch
from onnx2snn_runtime.batches.heap import keep_freed

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        a = torch.ones(5 << 20)
        b = a + 1
        del a, b
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
kept = keep_freed(torch.device("cpu"))
faults(), faults()
print(int(kept), first, faults())
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_kept", heap._kept.__wrapped__)


def test_pages_are_not_cleared_again() -> None:
    own = {name: value for name, value in os.environ.items() if name not in heap.OWN}
    out = subprocess.run([sys.executable, "-c", FAULTS], env=own, capture_output=True, text=True, check=True).stdout
    kept, first, then = map(int, out.split())
    if not kept:
        pytest.skip("the C library is not glibc")
    assert first > 20_000
    assert then < first / 4


@pytest.mark.parametrize("name", [*heap.OWN, "GLIBC_TUNABLES"])
def test_what_the_environment_says_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "glibc.malloc.trim_threshold=131072" if name == "GLIBC_TUNABLES" else "131072")
    assert not heap.keep_freed(torch.device("cpu"))


def test_a_gpu_has_its_own_memory() -> None:
    assert not heap.keep_freed(torch.device("cuda"))
