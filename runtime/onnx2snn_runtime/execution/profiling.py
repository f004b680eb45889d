"""Profiler: measures the time of every population and every other node of a run, with any executor.

On CUDA the device is synchronized before every reading of the clock, so a profiled run is slower than a plain one.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from onnx2snn_runtime.execution.base import EXECUTOR_WRAPPER, Execution
from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.program.population import Population

TIMED = ("call", "fire", "update", "_call_bound", "_map_over_time", "_scan", "_propagate")
"""The methods of executors that compute one item of a program; the item is their first argument."""


class Profile:
    """The items that were computed, and the total seconds of each, by the name of its first output."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.items: dict[str, Call | Population] = {}
        self.seconds: dict[str, float] = {}
        self._inside = False

    def now(self) -> float:
        """Return the time in seconds, after synchronizing with the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def wrap(self, executor: type[Execution]) -> type[Execution]:
        """Return a subclass of `executor` whose methods are timed."""
        methods = {name: self._timed(getattr(executor, name)) for name in TIMED if hasattr(executor, name)}
        return type(f"Profiled{executor.__name__}", (executor,), methods)

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def method(execution: Execution, item: Call | Population, *arguments: Any) -> Any:
            if self._inside:  # nested in a call that is being timed
                return function(execution, item, *arguments)
            self._inside, begun = True, self.now()
            try:
                return function(execution, item, *arguments)
            finally:
                self._inside = False
                self._add(item, self.now() - begun)

        return method

    def _add(self, item: Call | Population, seconds: float) -> None:
        name = item.output if isinstance(item, Population) else next(filter(None, item.outputs))
        self.items[name] = item
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


@contextmanager
def profiling(device: torch.device) -> Iterator[Profile]:
    """Profile the runs inside this context on `device`; runs of other threads are not affected."""
    profile = Profile(device)
    token = EXECUTOR_WRAPPER.set(profile.wrap)
    try:
        yield profile
    finally:
        EXECUTOR_WRAPPER.reset(token)
