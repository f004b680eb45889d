"""Time of a spiking run against the forward passes of the network it came from.

    python -m benchmarks.speed                       # the MNIST networks, batch 200 and 1
    python -m benchmarks.speed --networks efficientnet_lite0,resnet18,vit_small --batch 8

The MNIST networks have their trained weights and take test images; the large ones have random weights and take noise.
A ratio is the time of one run of T steps over T forward passes of the original, eager PyTorch module, both measured in
turn in one process, medians of several. onnxruntime stands beside it. The first call, which compiles and warms up, is
reported apart.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.networks import SUBJECTS, Subject, prepare, samples
from onnx2snn.reference.ann import Ann


def alternate(
    functions: dict[str, Callable[[], object]], repeats: int, least: float = 0.0
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the first and the median seconds of every function, in turn, `repeats` times and `least` seconds long."""
    first, seconds = {}, {name: [] for name in functions}
    for name, function in functions.items():
        first[name] = _timed(function)
    start = time.perf_counter()
    done = 0
    while done < repeats or time.perf_counter() - start < least:
        done += 1
        for name, function in functions.items():
            seconds[name].append(_timed(function))
    return first, {name: statistics.median(values) for name, values in seconds.items()}


def _timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(subject: Subject, batch: int, timesteps: int, repeats: int, executors: Sequence[str]) -> dict[str, Any]:
    """Return seconds and ratios for `subject` at `batch` samples over `timesteps` steps."""
    module, snn = prepare(subject)
    image = samples(subject, batch)
    x, feed = torch.from_numpy(image), {snn.program.inputs[0].name: image}
    ann = Ann(snn.proto)

    @torch.no_grad()
    def forward() -> object:
        return module(x)

    functions: dict[str, Callable[[], object]] = {"torch": forward, "onnxruntime": lambda: ann(feed)}
    for kind in executors:
        functions[kind] = lambda kind=kind: snn(x, timesteps=timesteps, executor=kind)
    first, seconds = alternate(functions, repeats)
    floor = timesteps * seconds["torch"]
    return {
        "network": subject.name,
        "batch": batch,
        "timesteps": timesteps,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "first_call": first,
        "ratio": {kind: seconds[kind] / floor for kind in executors},
        "onnxruntime_ratio": seconds["onnxruntime"] / seconds["torch"],
    }


@click.command()
@click.option("--networks", default="mnist_mlp,mnist_cnn,mnist_mixer,mnist_vit", show_default=True)
@click.option("--batch", default="200,1", show_default=True, help="Batch sizes, with commas between them.")
@click.option("--executors", default="layer,step", show_default=True, help="Of layer, step and event.")
@click.option("--timesteps", default=8, show_default=True)
@click.option("--repeats", default=7, show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write the figures as JSON.")
def main(
    networks: str, batch: str, executors: str, timesteps: int, repeats: int, threads: int, file: Path | None
) -> None:
    """Print a table of ratios; write all figures with --json."""
    torch.set_num_threads(threads)
    results, kinds = [], executors.split(",")
    heads = ["network", "batch", "torch forward, ms", "onnxruntime", *(f"{kind} / (T torch)" for kind in kinds)]
    print("| " + " | ".join([*heads, f"T={timesteps}"]) + " |")
    print("|---" * (len(heads) + 1) + "|")
    for name in networks.split(","):
        for size in map(int, batch.split(",")):
            r = measure(SUBJECTS[name], size, timesteps, repeats, kinds)
            results.append(r)
            cells = (1e3 * r["seconds"]["torch"], r["onnxruntime_ratio"], *r["ratio"].values())
            print(f"| {name} | {size} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)
    if file:
        file.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
