"""Takes the time of every population and of every other node while a network runs, whichever executor runs it.

On CUDA the host waits for the device before every reading, so that a profiled run is slower than the run itself.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from onnx2snn_runtime.execution.base import WRAPPING, Execution
from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.program.population import Population

TIMED = ("call", "fire", "_run", "_map", "_scan", "_propagate")
"""The methods of executors that compute one item, their first argument."""


class Profile:
    """The items that were computed, by their first output, and the seconds that each took in all."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.items: dict[str, Call | Population] = {}
        self.seconds: dict[str, float] = {}
        self._inside = False

    def now(self) -> float:
        """Return the time in seconds, once the device has done what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def wrap(self, executor: type[Execution]) -> type[Execution]:
        """Return the class `executor` with its time taken."""
        methods = {name: self._timed(getattr(executor, name)) for name in TIMED if hasattr(executor, name)}
        return type(f"Profiled{executor.__name__}", (executor,), methods)

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def method(execution: Execution, item: Call | Population, *arguments: Any) -> Any:
            if self._inside:  # a part of what is being timed
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
    """Profile the runs within, on `device`; those of other threads are left alone."""
    profile = Profile(device)
    token = WRAPPING.set(profile.wrap)
    try:
        yield profile
    finally:
        WRAPPING.reset(token)
