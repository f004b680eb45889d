"""Ends a process that computes for too long: time in which the machine computed something else is not its own."""

import os
import subprocess
import threading
import time

PATIENCE = 20
"""A process that hardly computes is ended after so many times its seconds, one that does nothing after these."""
LEAST = 0.2
"""It is looked at again after this share of them at least."""


class Deadline:
    """Kills `process` once it has computed for `seconds` from now on, and sets `late`.

    Where the system does not tell what a process computes, the clock counts.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", seconds: float, late: threading.Event) -> None:
        self.process, self.seconds, self.late = process, seconds, late
        self.begun, self.used = time.monotonic(), computed(process.pid)
        self.seen = self.used
        self.over = threading.Event()
        self.timer = self._wait(seconds)

    def cancel(self) -> None:
        """Let the process live."""
        self.over.set()
        self.timer.cancel()

    def _wait(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._look)
        timer.daemon = True
        timer.start()
        return timer

    def _look(self) -> None:
        """Give the process what is left of its seconds, or end it."""
        left = self._left()
        if self.over.is_set():
            return
        if left <= 0:
            self.late.set()
            self.process.kill()
            return
        self.timer = self._wait(left)
        if self.over.is_set():  # cancelled meanwhile
            self.timer.cancel()

    def _left(self) -> float:
        """Return the seconds that the process may still compute: 0 where it stands still, or at the end of patience."""
        now, seen = computed(self.process.pid), self.seen
        self.seen = now
        if self.used is None or now is None or now == seen:
            return 0.0
        left = self.seconds - (now - self.used)
        patient = time.monotonic() - self.begun < PATIENCE * self.seconds
        return max(left, LEAST * self.seconds) if left > 0 and patient else 0.0


def computed(process: int) -> float | None:
    """Return the seconds that a process has computed, None where the system does not tell."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:  # not Linux, or it is gone
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
