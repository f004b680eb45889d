"""Times a spiking network against the plain network, and profiles it by population and node."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from onnx2snn.reference.ann import Ann
from onnx2snn.reference.sandbox import try_network
from onnx2snn_runtime.errors import InputError, Stage
from onnx2snn_runtime.execution.profiling import Profile, profiling
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.population import Population

Progress = Callable[[str, float], None]
KINDS = ("population", "synapse", "readout")
"""The kinds of items in a profile; all other time of a run is the rest."""


@Stage("the measurement")
def measure(
    snn: SpikingModel,
    inputs: Mapping[str, np.ndarray],
    *,
    timesteps: int = 8,
    executors: Sequence[str] = ("layer", "step"),
    repeats: int = 5,
    progress: Progress | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """Return seconds of one batch `inputs` [samples, ...] through every one of `executors` and through onnxruntime.

    `seconds` are medians of `repeats` runs, `first_call` the first of each, which compiles and warms up. `ratio` is the
    time of `timesteps` steps over that of as many forward passes in onnxruntime. On CUDA `peak_memory` holds the bytes
    a sample that a run takes above the loaded model; a CPU keeps no such count. Raises InputError for repeats below 1.
    """
    _check_repeats(repeats)
    try_network(snn)
    ann = Ann(snn.proto, device=str(snn.program.device))
    functions: dict[str, Callable[[], object]] = {"onnxruntime": lambda: ann(inputs)}
    for name in executors:
        functions[name] = _runner(snn, inputs, timesteps, name, overrides)
    seconds = _in_turn(functions, repeats + 1, snn.program.device, progress)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    floor = timesteps * medians["onnxruntime"]
    found = {
        **_facts(snn, inputs, timesteps),
        "seconds": medians,
        "first_call": {name: values[0] for name, values in seconds.items()},
        "ratio": {name: medians[name] / floor for name in executors},
    }
    if snn.program.device.type == "cuda":
        samples, device = found["samples"], snn.program.device
        found["peak_memory"] = {name: _peak(functions[name], device) / samples for name in executors}
    return found


def _in_turn(
    functions: Mapping[str, Callable[[], object]], rounds: int, device: torch.device, progress: Progress | None
) -> dict[str, list[float]]:
    """Return the seconds that each of `functions` took in each of the `rounds`, in which they take turns."""
    total, done = rounds * len(functions), 0
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            seconds[name].append(_timed(function, device))
            done += 1
            if progress:
                progress("timing", done / total)
    return seconds


@Stage("the measurement")
def profile(
    snn: SpikingModel,
    inputs: Mapping[str, np.ndarray],
    *,
    timesteps: int = 8,
    executor: str = "layer",
    repeats: int = 5,
    progress: Progress | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """Return where the time of one run on `inputs` [samples, ...] goes: that run of `repeats` whose time is the median.

    `rows` hold every population, synapse and readout, the slowest first: its name, kind, type, for a population the
    operators that it is made of, the seconds that it took in all `timesteps` steps, and their share of the run's
    `seconds`. `totals` are the seconds of each kind, and of the `rest` of the run; they sum to `seconds`. On CUDA the
    host waits after every row, and the run is slower than it is by itself. CUDA graphs, and repeats below 1, raise
    InputError.
    """
    _check_repeats(repeats)
    check_profile(overrides)
    run = _runner(snn, inputs, timesteps, executor, overrides)
    run()  # compiles and warms up
    found = []
    for i in range(repeats):
        with profiling(snn.program.device) as made:
            found.append((_timed(run, snn.program.device), made))
        if progress:
            progress("profile", (i + 1) / repeats)
    seconds, made = sorted(found, key=lambda pair: pair[0])[(repeats - 1) // 2]
    rows = _rows(snn, made, seconds)
    totals = {kind: sum(row["seconds"] for row in rows if row["kind"] == kind) for kind in KINDS}
    return {
        **_facts(snn, inputs, timesteps),
        "executor": executor,
        "seconds": seconds,
        "totals": totals | {"rest": seconds - sum(totals.values())},
        "rows": rows,
    }


def _rows(snn: SpikingModel, made: Profile, seconds: float) -> list[dict[str, Any]]:
    """Return a row for everything in the profile `made` of a run that took `seconds`, the slowest first."""
    late = {item.outputs for item in snn.program.readout}
    rows = []
    for key, item in made.items.items():
        row: dict[str, Any]
        if isinstance(item, Population):
            operators = list(dict.fromkeys(inner.op_type for inner in item.body))
            row = {"name": item.name, "kind": "population", "type": item.op_type, "operators": operators}
        else:
            kind = "readout" if item.outputs in late else "synapse"
            row = {"name": item.node or key, "kind": kind, "type": item.op_type}
        taken = made.seconds[key]
        rows.append({**row, "seconds": taken, "share": taken / seconds})
    return sorted(rows, key=lambda row: row["seconds"], reverse=True)


def _facts(snn: SpikingModel, inputs: Mapping[str, np.ndarray], timesteps: int) -> dict[str, Any]:
    return {
        "samples": snn.program.axes.count({name: value.shape for name, value in inputs.items()}),
        "timesteps": timesteps,
        "threads": torch.get_num_threads(),
        "device": str(snn.program.device),
    }


def check_profile(overrides: Mapping[str, Any]) -> None:
    """Raise InputError where a run with these `overrides` cannot be taken apart."""
    if overrides.get("cuda_graphs"):
        raise InputError("a CUDA graph is one launch, whose parts cannot be timed: profile a run without it")


def _check_repeats(repeats: int) -> None:
    if repeats < 1:
        raise InputError(f"repeats is {repeats}: give 1 or more")


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
