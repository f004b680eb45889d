"""A process is ended for what it computes, not for what the machine does meanwhile."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from onnx2snn.reference import deadline
from onnx2snn.reference.deadline import Deadline, computed

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="the system does not tell")
BUSY, IDLE = "while True: pass", "import time; time.sleep(600)"
SLOW = """import time
while True:
    end = time.process_time() + 0.02
    while time.process_time() < end: pass
    time.sleep(0.2)"""


@contextmanager
def process(code: str) -> "Iterator[subprocess.Popen[bytes]]":
    made = subprocess.Popen([sys.executable, "-S", "-c", code])
    try:
        yield made
    finally:
        made.kill()
        made.wait()


def test_what_computes_for_too_long_is_ended() -> None:
    late = threading.Event()
    with process(BUSY) as busy:
        Deadline(busy, 0.2, late)
        assert busy.wait(60) != 0
        assert late.is_set()


def test_what_waits_for_the_machine_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    late = threading.Event()
    with process(SLOW) as slow:
        waiting = Deadline(slow, 1, late)
        assert not late.wait(2.5)
        waiting.cancel()
        monkeypatch.setattr(deadline, "PATIENCE", 2)
        Deadline(slow, 1, late)
        assert late.wait(60)


def test_what_does_nothing_is_ended() -> None:
    late = threading.Event()
    with process(IDLE) as idle:
        time.sleep(0.5)  # the start of Python computes
        Deadline(idle, 0.5, late)
        assert late.wait(30)


def test_it_can_be_called_off() -> None:
    late = threading.Event()
    with process(BUSY) as busy:
        Deadline(busy, 0.1, late).cancel()
        assert not late.wait(0.5)
        assert busy.poll() is None


def test_without_figures_the_clock_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (computed(os.getpid()) or 0) > 0
    assert computed(2**22 + 1) is None
    monkeypatch.setattr(deadline, "computed", lambda process: None)
    late = threading.Event()
    with process(IDLE) as idle:
        Deadline(idle, 0.1, late)
        assert late.wait(60)
