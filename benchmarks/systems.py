"""Time and peak memory of every system on the same networks, at the same T: the ANN, our executors, SpikingJelly.

    python -m benchmarks.systems --json systems.json
    python -m benchmarks.systems --networks resnet18,efficientnet_lite0,vit_small --batch 8 --repeats 3

The floor is T forward passes of the original, eager PyTorch module. All systems on one network are timed in turn in one
process, medians of several; the memory of each is that of a process of its own, as in benchmarks.memory: the peak of
the first run above what is held once its model and the inputs are loaded. That of a network without time is the peak of
one pass.

SpikingJelly stands here with the default recipe of its rate coding (thresholds a channel, from the maximum), where it
is installed and takes the network. Accuracy plays no part here: benchmarks.peers compares at equal accuracy.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks import memory
from benchmarks.beside import Calls, convert, peers
from benchmarks.memory_cell import FILES, MULTI, SINGLE
from benchmarks.networks import SUBJECTS, Subject, prepare, samples
from benchmarks.speed import alternate
from onnx2snn.reference.ann import Ann

NETWORKS = "mnist_mlp,mnist_relu_cnn,mnist_cnn,mnist_mixer,mnist_vit"
PLAIN = ("torch", "onnxruntime")
LABELS = {"torch": "torch ANN, T times", "onnxruntime": "onnxruntime ANN, T times",
          SINGLE: "SpikingJelly, single-step", MULTI: "SpikingJelly, multi-step"}  # fmt: skip
HEADS = ("network", "system", "ms a sample", "over T forward passes of torch", "peak memory, KiB a sample",
         "over torch's")  # fmt: skip


def measure(
    subject: Subject, batch: int, timesteps: int, repeats: int, threads: int, executors: list[str]
) -> dict[str, Any]:
    """Return the figures of every system on `subject`."""
    module, snn = prepare(subject)
    image = samples(subject, batch)
    x, feed = torch.from_numpy(image), {snn.program.inputs[0].name: image}
    ann = Ann(snn.proto)
    calls: Calls = {"torch": torch.inference_mode()(lambda: module(x)), "onnxruntime": lambda: ann(feed)}
    for kind in executors:
        calls[kind] = lambda kind=kind: snn(x, timesteps=timesteps, executor=kind)  # type: ignore[misc]
    model, why = convert(subject, module, timesteps)
    others, refused = peers(model, x, timesteps) if model is not None else ({}, dict.fromkeys((SINGLE, MULTI), why))
    first, seconds = alternate(calls | others, repeats)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snn.save(folder / memory.NETWORK)
        torch.save(module, folder / FILES["torch"])
        if model is not None:
            torch.save(model, folder / FILES[SINGLE])
        np.save(folder / "inputs.npy", image)
        cells = {system: memory.cell(folder, batch, timesteps, system, 0, threads) for system in seconds}
    rows = [row(system, seconds, cells, batch, timesteps) | {"first_call": first[system]} for system in seconds]
    rows += [{"system": system, "refused": why} for system, why in refused.items()]
    return {"network": subject.name, "batch": batch, "timesteps": timesteps, "threads": threads, "systems": rows}


def row(
    system: str, seconds: dict[str, float], cells: dict[str, dict[str, Any]], batch: int, timesteps: int
) -> dict[str, Any]:
    """Return the figures of one system: `seconds` of a call of each, and `cells` with the memory of each."""
    passes = timesteps if system in PLAIN else 1
    taken, cell = passes * seconds[system], cells[system]
    found = {"system": system, "ms_a_sample": 1e3 * taken / batch, "over_torch": taken / timesteps / seconds["torch"]}
    if "failed" in cell:
        return found | {"memory_failed": cell["failed"]}
    found |= {key: cell[key] for key in ("loaded", "above_loaded", "above_warm")}
    found["kib_a_sample"] = cell["above_loaded"] / batch / 1024
    floor = cells["torch"].get("above_loaded")
    return found | ({"memory_over_torch": cell["above_loaded"] / floor} if floor else {})


def lines(result: dict[str, Any]) -> list[str]:
    """Return the rows of the table for one network."""
    made = []
    for system in result["systems"]:
        start = [result["network"], LABELS.get(system["system"], f"onnx2snn, {system['system']}")]
        if "refused" in system:
            made.append([*start, system["refused"], "-", "-", "-"])
            continue
        held, over = system.get("kib_a_sample"), system.get("memory_over_torch")
        made.append([
            *start, f"{system['ms_a_sample']:.4g}", f"{system['over_torch']:.2f}",
            system["memory_failed"] if held is None else f"{held:.0f}", "-" if over is None else f"{over:.2f}",
        ])  # fmt: skip
    return [f"| {' | '.join(cells)} |" for cells in made]


@click.command()
@click.option("--networks", default=NETWORKS, show_default=True)
@click.option("--batch", default=200, show_default=True)
@click.option("--executors", default="layer,step,event", show_default=True, help="Of layer, step and event.")
@click.option("--timesteps", default=8, show_default=True)
@click.option("--repeats", default=7, show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write the figures as JSON.")
def main(
    networks: str, batch: int, executors: str, timesteps: int, repeats: int, threads: int, file: Path | None
) -> None:
    """Print the table; write all figures with --json."""
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # onnxruntime's, here and in the processes that measure memory
    print(f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|", sep="\n", flush=True)
    results = []
    for name in networks.split(","):
        results.append(measure(SUBJECTS[name], batch, timesteps, repeats, threads, executors.split(",")))
        print(*lines(results[-1]), sep="\n", flush=True)
        if file:
            file.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
