"""Trials in a process of their own, watched: one that dies or hangs is an outcome like any other."""

import itertools
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch

from tests.fuzz.trial import Outcome

SHARE = 1000
"""Trials that a worker makes at most."""
PATIENCE = 10.0
"""Seconds of processor time that a trial may take."""
IDLE = 6
"""So many times as long may pass on the clock, on a machine that has other things to do."""


def watched(
    trial: Callable[[int], Outcome], seeds: Iterable[int], patience: float = PATIENCE
) -> Iterator[tuple[int, Outcome]]:
    """Yield each seed with how `trial` of it ended; where a worker dies or hangs, the next takes over."""
    todo = iter(seeds)
    while share := list(itertools.islice(todo, SHARE)):
        while share:
            worker, stream = _start(trial, share)
            done = 0
            try:
                for seed, outcome in _results(worker, stream, share, patience):
                    done += 1
                    yield seed, outcome
            finally:
                _stop(worker, stream)
            share = share[done:]


def _start(trial: Callable[[int], Outcome], seeds: list[int]) -> tuple[int, int]:
    """Return the process and the pipe of a worker that tries `seeds` one by one."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those of BLAS and torch wait
        worker = os.fork()
    if worker:
        os.close(writing)
        return worker, reading
    os.close(reading)
    torch.set_num_threads(1)  # the threads of the parent are not there after a fork, and OpenMP would wait for them
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    try:
        for seed in seeds:
            text = pickle.dumps(trial(seed))
            os.write(writing, len(text).to_bytes(4, "big") + text)
    finally:
        os._exit(0)


def _results(worker: int, stream: int, seeds: list[int], patience: float) -> Iterator[tuple[int, Outcome]]:
    """Yield what the worker reports; what ends it comes last."""
    for seed in seeds:
        clock = Clock(worker, patience)
        head = _read(stream, 4, clock)
        text = _read(stream, int.from_bytes(head, "big"), clock) if head else head
        if text is None:
            yield seed, Outcome("hang", f"took more than {patience:g} s")
            return
        if not text:
            _, status = os.waitpid(worker, 0)
            code = os.waitstatus_to_exitcode(status)
            yield seed, Outcome("death", signal.Signals(-code).name if code < 0 else f"exit code {code}")
            return
        yield seed, pickle.loads(text)


class Clock:
    """What a trial has taken: it is late after `patience` seconds of computing, or, asleep, `IDLE` times as many."""

    def __init__(self, worker: int, patience: float) -> None:
        self.worker, self.patience = worker, patience
        self.start, self.computed = time.monotonic(), _computed(worker)

    @property
    def late(self) -> bool:
        """Whether the trial hangs."""
        idle = time.monotonic() - self.start
        return idle > IDLE * self.patience or (
            idle > self.patience and _computed(self.worker) - self.computed > self.patience
        )


def _computed(worker: int) -> float:
    """Return the seconds of processor time of a process and of its children that ended; 0 where none tells."""
    try:
        words = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it has ended, or this system has no such file: the clock decides
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def _read(stream: int, count: int, clock: Clock) -> bytes | None:
    """Return `count` bytes, b"" where the worker has gone, None where the time is up."""
    found = b""
    while len(found) < count:
        ready, _, _ = select.select([stream], [], [], clock.patience / 5)
        if not ready and clock.late:
            return None
        if not ready:
            continue
        part = os.read(stream, count - len(found))
        if not part:
            return b""
        found += part
    return found


def _stop(worker: int, stream: int) -> None:
    os.close(stream)
    try:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    except (ProcessLookupError, ChildProcessError):
        pass  # it has gone by itself
