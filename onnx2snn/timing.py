"""How long a spiking network takes, beside the plain network it came from, measured in turn in one process."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from onnx2snn.ann import Ann
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.model import SpikingModel


def measure(
    snn: SpikingModel,
    inputs: Mapping[str, np.ndarray],
    *,
    timesteps: int = 8,
    executors: Sequence[str] = ("layer", "step"),
    repeats: int = 5,
    progress: Callable[[str, float], None] | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """Return seconds of one batch `inputs` [samples, ...] through every one of `executors` and through onnxruntime.

    `seconds` are medians of `repeats` runs, `first_call` the first of each, which compiles and warms up. `ratio` is the
    time of `timesteps` steps over that of as many forward passes in onnxruntime. On CUDA `peak_memory` holds the bytes
    a sample that a run takes above the loaded model; a CPU keeps no such count. Raises InputError for repeats below 1.
    """
    if repeats < 1:
        raise InputError(f"repeats is {repeats}: give 1 or more")
    ann = Ann(snn.proto, device=str(snn.program.device), fixed=snn.defaults.batch)
    functions: dict[str, Callable[[], object]] = {"onnxruntime": lambda: ann(inputs)}
    for name in executors:
        functions[name] = _runner(snn, inputs, timesteps, name, overrides)
    total, done = (repeats + 1) * len(functions), 0
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats + 1):
        for name, function in functions.items():
            seconds[name].append(_timed(function, snn.program.device))
            done += 1
            if progress:
                progress("timing", done / total)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    floor = timesteps * medians["onnxruntime"]
    samples = len(next(iter(inputs.values())))
    found = {
        "samples": samples,
        "timesteps": timesteps,
        "threads": torch.get_num_threads(),
        "device": str(snn.program.device),
        "seconds": medians,
        "first_call": {name: values[0] for name, values in seconds.items()},
        "ratio": {name: medians[name] / floor for name in executors},
    }
    if snn.program.device.type == "cuda":
        found["peak_memory"] = {name: _peak(functions[name], snn.program.device) / samples for name in executors}
    return found


def _runner(
    snn: SpikingModel, inputs: Mapping[str, np.ndarray], timesteps: int, executor: str, overrides: Mapping[str, Any]
) -> Callable[[], object]:
    return lambda: snn.run(inputs, timesteps, executor=executor, **overrides)


def _timed(function: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _peak(function: Callable[[], object], device: torch.device) -> int:
    """Return the bytes that torch allocates on `device` at most while `function` runs, above what it has before."""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    function()
    return torch.cuda.max_memory_allocated(device) - before
