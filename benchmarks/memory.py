"""What a run holds in memory above the loaded model, and how that and the time of a step change with the steps.

    python -m benchmarks.memory --json memory.json
    python -m benchmarks.memory --networks resnet18 --executors layer,step

A measurement is a process of its own, which loads the spiking network from its file, so that the conversion does not
count. It notes what it holds with the network and the inputs in memory, before anything ran (`loaded`), and then the
kernel's mark of the most it held until the first run of the whole batch was over: that peak less `loaded` is the
figure. What PyTorch sets up once, whatever runs, is in it; the peak above what is held once one sample ran for one step
(`above_warm`) stands beside it in the JSON and in the ratios. Time is that of further runs, a median. Linux alone tells
these figures.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.memory_cell import FILES, NETWORK
from benchmarks.networks import SUBJECTS, Subject, prepare, samples

NETWORKS = "mnist_cnn,mnist_mixer,mnist_vit,resnet18,efficientnet_lite0"
SMALL = ((200, 8), (200, 64), (200, 256), (1024, 8))
LARGE = ((8, 8), (8, 64), (8, 256))
"""Batch and time steps of every measurement, for the MNIST networks and for those on images of 224 x 224."""
MIB = 1 << 20


def cell(folder: Path, batch: int, timesteps: int, executor: str, repeats: int, threads: int) -> dict[str, Any]:
    """Return the figures of one process on the network and the inputs in `folder`; `failed` if it did not end well.

    `executor` is one of ours, or another system of memory_cell.FILES, whose file is there.
    """
    model = folder / FILES.get(executor, NETWORK)
    words = [str(model), str(folder / "inputs.npy"), str(timesteps), "--system", executor]
    more = ["--batch", str(batch), "--repeats", str(repeats), "--threads", str(threads)]
    command = [sys.executable, "-m", "benchmarks.memory_cell", *words, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, Any] = {"batch": batch, "timesteps": timesteps, "executor": executor}
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return found | {"failed": f"exit status {done.returncode} {' '.join(last)}".strip()}
    return found | json.loads(done.stdout.splitlines()[-1])


def save(subject: Subject, folder: Path) -> None:
    """Write the spiking network of `subject` and some inputs."""
    prepare(subject)[1].save(folder / NETWORK)
    np.save(folder / "inputs.npy", samples(subject, 8 if subject.file is None else 200))


def measure(subject: Subject, executors: list[str], repeats: int, threads: int) -> list[dict[str, Any]]:
    """Return the figures of `subject`, and print each as it is measured."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(subject, folder)
        for executor in executors:
            for batch, timesteps in SMALL if subject.file else LARGE:
                row = {"network": subject.name} | cell(folder, batch, timesteps, executor, repeats, threads)
                found.append(row)
                print(line(row), flush=True)
    return found


def line(row: dict[str, Any]) -> str:
    """Return the row of the first table for one measurement."""
    start = f"| {row['network']} | {row['executor']} | {row['batch']} | {row['timesteps']} | "
    if "failed" in row:
        return f"{start}{row['failed']} | - | - |"
    above, step = row["above_loaded"], row["seconds"] / row["timesteps"]
    return f"{start}{above / MIB:.1f} | {above / row['batch'] / 1024:.0f} | {1e3 * step:.2f} |"


def ratios(rows: list[dict[str, Any]]) -> list[str]:
    """Return the rows of the second table: T=64 over T=8, at the batch that has both."""
    made = []
    for few in rows:
        same = (row for row in rows if all(row[key] == few[key] for key in ("network", "executor", "batch")))
        many = next((row for row in same if row["timesteps"] == 64), None)
        if few["timesteps"] != 8 or many is None or "failed" in few or "failed" in many:
            continue
        memory = many["above_loaded"] / few["above_loaded"]
        warm = many["above_warm"] / few["above_warm"]
        step = (many["seconds"] / 64) / (few["seconds"] / 8)
        start = f"| {few['network']} | {few['executor']} | {few['batch']} |"
        made.append(f"{start} {memory:.2f} | {warm:.2f} | {step:.2f} |")
    return made


@click.command()
@click.option("--networks", default=NETWORKS, show_default=True)
@click.option("--executors", default="layer", show_default=True, help="Of layer, step and event.")
@click.option("--repeats", default=3, show_default=True, help="Timed runs of every measurement.")
@click.option("--threads", default=2, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write the figures as JSON.")
def main(networks: str, executors: str, repeats: int, threads: int, file: Path | None) -> None:
    """Print both tables; write all figures with --json."""
    print("| network | executor | batch | T | peak above the model, MiB | KiB a sample | ms a step |")
    print("|---" * 7 + "|")
    rows = []
    for name in networks.split(","):
        try:
            rows += measure(SUBJECTS[name], executors.split(","), repeats, threads)
        except click.ClickException as error:
            print(f"| {name} | {error.message} | - | - | - | - | - |")
    print("", "| network | executor | batch | memory, T=64 over T=8 | above a warm model | time a step |", sep="\n")
    print("|---" * 6 + "|", *ratios(rows), sep="\n")
    if file:
        file.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
