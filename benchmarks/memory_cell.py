"""One measurement of benchmarks.memory, in a process of its own: `python -m benchmarks.memory_cell MODEL INPUTS T ...`.

It prints JSON: bytes above the loaded model at the peak of a run, and the seconds of a run.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch

from onnx2snn_runtime.loading import load

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(kind: str) -> int:
    """Return the bytes of memory that this process holds ("VmRSS"), or held at its peak ("VmHWM")."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(kind))
    return 1024 * int(line.split()[1])


def peak(function: Callable[[], object]) -> int:
    """Return the most that this process held while `function` ran.

    The kernel's own mark, put back first: what came before does not count, and no peak between two looks is missed.
    (The figure of resource.getrusage begins at what the parent held.)
    """
    CLEAR.write_text("5")
    function()
    return resident("VmHWM")


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Return the median time of `function`."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", type=click.Path(path_type=Path))
@click.argument("timesteps", type=int)
@click.option("--batch", type=int, required=True)
@click.option("--executor", required=True)
@click.option("--repeats", type=int, required=True)
@click.option("--threads", type=int, required=True)
def main(model: Path, inputs: Path, timesteps: int, batch: int, executor: str, repeats: int, threads: int) -> None:
    """Load MODEL and INPUTS, run them, print what that took."""
    torch.set_num_threads(threads)
    snn, stored = load(model), np.load(inputs)
    x = torch.from_numpy(np.resize(stored, (batch, *stored.shape[1:])))
    loaded = resident("VmRSS")
    first = peak(lambda: snn(x[:1], timesteps=1, executor=executor))
    warm = resident("VmRSS")
    most = peak(lambda: snn(x, timesteps=timesteps, executor=executor))
    taken = seconds(lambda: snn(x, timesteps=timesteps, executor=executor), repeats)
    above = max(first, most) - loaded
    print(json.dumps({"loaded": loaded, "above_loaded": above, "above_warm": most - warm, "seconds": taken}))


if __name__ == "__main__":
    main()
