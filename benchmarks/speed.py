"""Time and memory of a spiking run against the forward passes of the network it came from.

    python -m benchmarks.speed                       # the MNIST networks, batch 200 and 1
    python -m benchmarks.speed --networks efficientnet_lite0,resnet18,vit_small --batch 8

A ratio is the time of one run of T steps over T forward passes of the original, eager PyTorch module, both measured in
turn in one process, medians of several. onnxruntime stands beside it. The first call, which compiles and warms up, is
reported apart.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

import onnx2snn
from benchmarks.networks import SUBJECTS, Subject
from models.export import export
from onnx2snn.ann import Ann
from onnx2snn_runtime.model import SpikingModel


def alternate(functions: dict[str, Callable[[], object]], repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the first and the median seconds of every function, called in turn."""
    first, seconds = {}, {name: [] for name in functions}
    for name, function in functions.items():
        first[name] = _timed(function)
    for _ in range(repeats):
        for name, function in functions.items():
            seconds[name].append(_timed(function))
    return first, {name: statistics.median(values) for name, values in seconds.items()}


def _timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def prepare(subject: Subject) -> tuple[torch.nn.Module, SpikingModel]:
    """Return the module of `subject` and the spiking network it becomes, calibrated on noise."""
    torch.manual_seed(0)
    module = subject.build().eval()
    example = torch.randn(8, *subject.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        export(module, [example[:2]], path)
        return module, onnx2snn.convert(path, example.numpy(), adapt=False)


def measure(subject: Subject, batch: int, timesteps: int, repeats: int) -> dict[str, Any]:
    """Return seconds and ratios for `subject` at `batch` samples over `timesteps` steps."""
    module, snn = prepare(subject)
    x = torch.randn(batch, *subject.shape)
    ann = Ann(snn.proto)
    name = snn.program.inputs[0].name
    feed = {name: x.numpy()}

    @torch.no_grad()
    def forward() -> object:
        return module(x)

    functions: dict[str, Callable[[], object]] = {
        "torch": forward,
        "onnxruntime": lambda: ann(feed),
        "layer": lambda: snn(x, timesteps=timesteps, executor="layer"),
        "step": lambda: snn(x, timesteps=timesteps, executor="step"),
    }
    first, seconds = alternate(functions, repeats)
    floor = timesteps * seconds["torch"]
    return {
        "network": subject.name,
        "batch": batch,
        "timesteps": timesteps,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "first_call": first,
        "ratio": {kind: seconds[kind] / floor for kind in ("layer", "step")},
        "onnxruntime_ratio": seconds["onnxruntime"] / seconds["torch"],
    }


@click.command()
@click.option("--networks", default="mnist_mlp,mnist_cnn,mnist_mixer,mnist_vit", show_default=True)
@click.option("--batch", default="200,1", show_default=True, help="Batch sizes, with commas between them.")
@click.option("--timesteps", default=8, show_default=True)
@click.option("--repeats", default=7, show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write the figures as JSON.")
def main(networks: str, batch: str, timesteps: int, repeats: int, threads: int, file: Path | None) -> None:
    """Print a table of ratios; write all figures with --json."""
    torch.set_num_threads(threads)
    results = []
    print(
        f"| network | batch | torch forward, ms | onnxruntime | layer / (T torch) | step / (T torch) | T={timesteps} |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in networks.split(","):
        for size in map(int, batch.split(",")):
            r = measure(SUBJECTS[name], size, timesteps, repeats)
            results.append(r)
            cells = (1e3 * r["seconds"]["torch"], r["onnxruntime_ratio"], r["ratio"]["layer"], r["ratio"]["step"])
            print(f"| {name} | {size} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)
    if file:
        file.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
