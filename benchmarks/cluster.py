"""Throughput of an evaluation on Ray workers of one thread each, and Ray's overhead against one process.

    python -m benchmarks.cluster --samples 600 --json cluster.json

A process without Ray, one worker and two workers evaluate the same images of 3 x 224 x 224 from tar shards, each with
one thread and nothing read ahead. Time begins with the fourth batch that is done and ends with the last: the starts of
Ray and of the actors, which are told apart (`start`), do not count. It has to be the only work on the machine, and the
ratio needs two free cores. Workers run at the priority of the one process (Ray would lower theirs). The figures of all
three are compared, bit by bit.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

import onnx2snn
from benchmarks.streaming import images, network, shards
from onnx2snn.cluster.connecting import Cluster
from onnx2snn.cluster.evaluating import RayWorkers
from onnx2snn.data.for_model import open_data
from onnx2snn.data.streams.base import Stream
from onnx2snn.evaluation.evaluation import Streaming, Workers, evaluate, here
from onnx2snn.evaluation.measuring import Plan
from onnx2snn.evaluation.parts import Part
from onnx2snn_runtime.model import SpikingModel


class Timed:
    """Workers that note when each batch was done, in seconds."""

    def __init__(self, workers: Workers) -> None:
        self.workers, self.begun, self.times, self.samples = workers, 0.0, list[float](), list[int]()

    def __call__(
        self, snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]
    ) -> Iterator[tuple[int, Part]]:
        """Yield what the workers yield."""
        self.begun = time.perf_counter()
        for number, part in self.workers(snn, plan, stream, batches):
            self.times.append(time.perf_counter())
            self.samples.append(part.samples)
            yield number, part

    def rate(self, skipped: int) -> float:
        """Return samples a second behind the first `skipped` batches, in which workers warm up."""
        return sum(self.samples[skipped:]) / (self.times[-1] - self.times[skipped - 1])


def alone(snn: SpikingModel, plan: Plan, stream: Stream, batches: Mapping[int, range]) -> Iterator[tuple[int, Part]]:
    """Measure in this process, and read each batch when it is its turn."""
    return here(snn, plan, stream, batches, readers=0)


def measure(snn: SpikingModel, data: Path, batch: int, workers: Workers, skipped: int) -> dict[str, Any]:
    """Return the rate, the seconds until the first batch was done, and the figures."""
    timed = Timed(workers)
    figures = evaluate(
        snn, open_data(data, snn.proto, None, {}), [1, 2, 4], batch_size=batch, streaming=Streaming(workers=timed)
    )
    return {"rate": timed.rate(skipped), "start": timed.times[0] - timed.begun, "figures": figures}


@click.command()
@click.option("--samples", default=600, show_default=True, help="Images.")
@click.option("--batch", default=12, show_default=True, help="Images a batch.")
@click.option("--repeats", default=3, show_default=True, help="Measurements of each, of which the medians count.")
@click.option("--model", type=click.Path(path_type=Path), help="A spiking IR file that takes such images.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Where to write what was measured.")
def main(samples: int, batch: int, repeats: int, model: Path | None, output: Path | None) -> None:
    """Measure, print, and write what was measured."""
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray gives its workers 15: beside other work they would starve
    kinds: dict[str, Workers] = {
        "one process": alone,
        "one worker": RayWorkers(Cluster(workers=1)),
        "two workers": RayWorkers(Cluster(workers=2)),
    }
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    rows, figures = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images(folder / "images", samples, min(samples, 300))
        shards(folder / "shards", folder / "images")
        given = np.random.default_rng(2).random((16, 3, 224, 224), np.float32)
        snn = onnx2snn.load(model) if model else onnx2snn.convert(network(), given, adapt=False)
        for repeat in range(repeats):
            for kind, workers in kinds.items():
                found = measure(snn, folder / "shards", batch, workers, skipped=4)
                rates[kind].append(found["rate"])
                figures.append(found.pop("figures"))
                rows.append({"kind": kind, "repeat": repeat, **found})
                print(f"{kind:12} {found['rate']:8.2f} images/s, first batch after {found['start']:5.1f} s", flush=True)
    medians = {kind: statistics.median(values) for kind, values in rates.items()}
    print(f"two workers over one: {medians['two workers'] / medians['one worker']:.2f} times the throughput")
    print(f"Ray's overhead: one worker takes {medians['one process'] / medians['one worker'] - 1:+.1%} of the time")
    print(f"figures equal to the bit: {all(found == figures[0] for found in figures)}")
    if output is not None:
        output.write_text(json.dumps({"rows": rows, "medians": medians}, indent=1))


if __name__ == "__main__":
    main()
