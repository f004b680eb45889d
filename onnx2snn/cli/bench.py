"""onnx2snn bench: how long a spiking network takes, beside the plain one."""

from pathlib import Path
from typing import Any

import click

from onnx2snn.cli import console, options
from onnx2snn.cli.files import read_data

SAMPLES = 8
"""How many run at a time where nobody says."""

_PATH = click.Path(path_type=Path)


@click.command(short_help="Time it beside the plain network.")
@click.argument("model", type=_PATH)
@click.option(
    "-d", "--data", type=_PATH, help="Samples: .npz, .npy, image folder or saved dataset; by default made up."
)
@click.option("--timesteps", type=click.IntRange(1), default=8, show_default=True, help="Time steps of a run.")
@click.option("--executors", default="layer,step", show_default=True, help="What to time, with commas between them.")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Runs; the median counts.")
@options.images
@options.placing
@options.common
def command(
    model: Path, data: Path | None, timesteps: int, batch_size: int | None, as_json: bool, **given: Any
) -> None:
    """Time MODEL, a spiking IR file, in turn with the network it came from, run by onnxruntime, on one batch (8)."""
    from onnx2snn.cli.files import take_image_options
    from onnx2snn.synthetic import synthetic_inputs
    from onnx2snn.timing import measure
    from onnx2snn_runtime.loading import load

    images = take_image_options(given)
    snn = load(model, device=given["device"], dtype=given["dtype"])
    count = batch_size or SAMPLES
    inputs = read_data(data, snn.proto, count, images).inputs if data else synthetic_inputs(snn.proto, 0, count)
    names = [name.strip() for name in given["executors"].split(",")]
    with console.progress() as progress:
        found = measure(snn, inputs, timesteps=timesteps, executors=names, repeats=given["repeats"], progress=progress)
    if as_json:
        console.print_json({"model": str(model), **found})
        return
    console.say(f"{model}: {found['samples']} samples, T={timesteps}, {found['threads']} threads, {found['device']}")
    rows = [
        [name, *(console.number(1e3 * found[key][name]) for key in ("seconds", "first_call")),
         console.number(found["ratio"].get(name))]
        for name in found["seconds"]
    ]  # fmt: skip
    heads = ["", "ms", "first call, ms", f"over {timesteps} plain passes"]
    if "peak_memory" in found:
        heads.append("KiB a sample")
        for row in rows:
            taken = found["peak_memory"].get(row[0])
            row.append(console.number(None if taken is None else taken / 1024))
    console.table(heads, rows)
