"""One measurement of memory, in a process of its own: `python -m benchmarks.memory_cell MODEL INPUTS T --system ...`.

A system is an executor of ours, or one of FILES, the systems that benchmarks.systems puts beside them. It prints JSON:
bytes above the loaded model at the peak of a run, and the seconds of a run.
"""

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import onnx
import torch

from onnx2snn_runtime.loading import load

Run = Callable[[torch.Tensor, int], object]
"""Runs a batch for so many time steps; a network without time runs once."""

NETWORK = "network.snn.onnx"
SINGLE, MULTI = "spikingjelly-single", "spikingjelly-multi"
FILES = {"torch": "network.pt", "onnxruntime": NETWORK, SINGLE: "spikingjelly.pt", MULTI: "spikingjelly.pt"}
"""The file that each system loads; an executor of ours loads NETWORK."""

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


def opened(system: str, path: Path) -> Run:
    """Return what runs the model in the file `path` on `system`."""
    if system in (SINGLE, MULTI):
        return _spikingjelly(path, system == MULTI)
    if system == "torch":
        module = _module(path)
        return torch.inference_mode()(lambda x, _: module(x))
    if system == "onnxruntime":
        from onnx2snn.reference.ann import Ann

        proto = onnx.load(path)
        ann, name = Ann(proto), proto.graph.input[0].name
        return lambda x, _: ann({name: x.numpy()})
    snn = load(path)
    return lambda x, steps: snn(x, timesteps=steps, executor=system)


def _spikingjelly(path: Path, many: bool) -> Run:
    from benchmarks import ann2snn

    if why := ann2snn.missing():
        raise click.ClickException(f"SpikingJelly is {why}")
    model = _module(path)
    return lambda x, steps: ann2snn.runner(model, x, steps, many, first=False, copied=False)()


def _module(path: Path) -> torch.nn.Module:
    from benchmarks.networks import declare_nms

    declare_nms()
    module: torch.nn.Module = torch.load(path, weights_only=False)  # written by benchmarks.systems a moment ago
    return module


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", type=click.Path(path_type=Path))
@click.argument("timesteps", type=int)
@click.option("--batch", type=int, required=True)
@click.option("--system", required=True)
@click.option("--repeats", type=int, required=True)
@click.option("--threads", type=int, required=True)
def main(model: Path, inputs: Path, timesteps: int, batch: int, system: str, repeats: int, threads: int) -> None:
    """Load MODEL and INPUTS, run them, print what that took."""
    torch.set_num_threads(threads)
    run, stored = opened(system, model), np.load(inputs)
    x = torch.from_numpy(np.resize(stored, (batch, *stored.shape[1:])))
    loaded = resident("VmRSS")
    first = peak(lambda: run(x[:1], 1))
    warm = resident("VmRSS")
    most = peak(lambda: run(x, timesteps))
    taken = seconds(lambda: run(x, timesteps), repeats) if repeats else None
    above = max(first, most) - loaded
    print(json.dumps({"loaded": loaded, "above_loaded": above, "above_warm": most - warm, "seconds": taken}))


if __name__ == "__main__":
    main()
