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

import torch

from tests.fuzz.trial import Outcome

SHARE = 1000
"""Trials that a worker makes at most."""
PATIENCE = 10.0
"""Seconds that a trial may take."""


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
        deadline = time.monotonic() + patience
        head = _read(stream, 4, deadline)
        text = _read(stream, int.from_bytes(head, "big"), deadline) if head else head
        if text is None:
            yield seed, Outcome("hang", f"took more than {patience:g} s")
            return
        if not text:
            _, status = os.waitpid(worker, 0)
            code = os.waitstatus_to_exitcode(status)
            yield seed, Outcome("death", signal.Signals(-code).name if code < 0 else f"exit code {code}")
            return
        yield seed, pickle.loads(text)


def _read(stream: int, count: int, deadline: float) -> bytes | None:
    """Return `count` bytes, b"" where the worker has gone, None where the time is up."""
    found = b""
    while len(found) < count:
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
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
