"""Time at equal accuracy, beside other tools: each at the smallest T that is within 0.5 points of the network itself.

    python -m benchmarks.peers --json peers.json

Four MNIST networks, 2,000 test images, 64 training images to set the scales, batches of 200, two threads. A time is the
median of several runs of one batch, the systems in turn in one process, for three seconds at least.

SpikingJelly (pip install --no-deps spikingjelly==2.0.0 loguru requests urllib3 certifi tqdm) stands beside it where it
is installed: of each family of its recipes the one that is fastest at its smallest T, steps one by one or many at once;
the test images choose it, which is in its favour. The paper's code (Oh & Lee, ICML 2024) is not run; as recorded, it
takes 64 steps to come near on a Mixer, and a step the time of 5.2 forward passes.
"""

import json
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.equal import SLACK, Entry, Images, ours, theirs
from benchmarks.networks import SUBJECTS, prepare
from benchmarks.speed import alternate
from models.data import load

NETWORKS = "mnist_mlp,mnist_relu_cnn,mnist_cnn,mnist_mixer"
BATCH = 200
LEAST = 3.0
"""Seconds that the systems on one network are timed for, at least."""
RECORDED = {"mnist_mixer": (64, 5.2)}
"""Steps of the paper's code, and forward passes that a step of it takes (a CPU, two threads, batches of 200)."""
HEADS = ("network", "ANN accuracy", "system", "recipe", "smallest T", "accuracy", "ms a sample", "over onnx2snn")


def measure(name: str, repeats: int) -> dict[str, Any]:
    """Return the figures of every system on the network `name`."""
    module, snn = prepare(SUBJECTS[name])
    data = load("mnist")
    image, label = torch.from_numpy(data.test_image), torch.from_numpy(data.test_label)
    images = Images(image, label, 0.0, image[:BATCH])

    @torch.inference_mode()
    def forward(x: torch.Tensor = images.batch) -> torch.Tensor:
        return module(x)

    accuracy = images.accuracy(forward(image))
    images.bar = accuracy - SLACK
    best, tried = theirs(module, images)
    entries = [Entry("the network itself", "torch", accuracy=accuracy, call=forward), ours(snn, images), *best]
    calls = {str(place): entry.call for place, entry in enumerate(entries) if entry.call}
    _, seconds = alternate(calls, repeats, least=LEAST)
    for place, taken in seconds.items():
        entries[int(place)].seconds = taken
    if name in RECORDED:
        steps, passes = RECORDED[name]
        recipe = f"recorded: {passes} forward passes a step"
        entries.append(Entry("the paper's code", recipe, steps, seconds=steps * passes * seconds["0"]))
    systems = [entry.figures() for entry in entries]
    own = next((entry.seconds for entry in entries if entry.system == "onnx2snn"), None)
    for system in systems:
        if "seconds" in system:
            system["ms_a_sample"] = 1e3 * system["seconds"] / BATCH
            system["over_onnx2snn"] = system["seconds"] / own if own else None
    return {"network": name, "ann": accuracy, "batch": BATCH, "threads": torch.get_num_threads(),
            "systems": systems, "tried": tried}  # fmt: skip


def lines(result: dict[str, Any]) -> list[str]:
    """Return the rows of the table for one network."""
    rows = []
    for system in result["systems"]:
        start = [result["network"], f"{100 * result['ann']:.2f} %", system["system"]]
        if "refused" in system:
            rows.append([*start, system["refused"], "-", "-", "-", "-"])
            continue
        accuracy, over = system.get("accuracy"), system["over_onnx2snn"]
        rows.append([
            *start, system["recipe"], str(system.get("timesteps", "-")), f"{100 * accuracy:.2f} %" if accuracy else "-",
            f"{system['ms_a_sample']:.4g}", f"{over:.2f}" if over else "-",
        ])  # fmt: skip
    return [f"| {' | '.join(row)} |" for row in rows]


@click.command()
@click.option("--networks", default=NETWORKS, show_default=True)
@click.option("--repeats", default=9, show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write the figures as JSON.")
def main(networks: str, repeats: int, threads: int, file: Path | None) -> None:
    """Print the table; write all figures, every recipe that was tried among them, with --json."""
    torch.set_num_threads(threads)
    print(f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|", sep="\n", flush=True)
    results = []
    for name in networks.split(","):
        results.append(measure(name, repeats))
        print(*lines(results[-1]), sep="\n", flush=True)
        if file:
            file.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
