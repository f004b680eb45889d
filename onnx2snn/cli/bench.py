"""onnx2snn bench: times a spiking network against the plain one."""

from pathlib import Path
from typing import Any

import click

from onnx2snn.cli import console, options, shown
from onnx2snn.cli.files import read_data

SAMPLES = 8
"""How many run at a time where nobody says."""

MOST_ROWS = 40
"""Rows of a profile that are printed one by one."""

TOTALS = {"population": "all populations", "synapse": "all synapses", "readout": "all readouts", "rest": "the rest"}

MOST_NAMED = 6
"""Operators of a region that are named."""

_PATH = click.Path(path_type=Path)


@click.command(cls=options.Command, short_help="Time it beside the plain network.")
@click.argument("model", type=_PATH)
@options.section(
    "Data",
    options.option(
        "-d", "--data", type=_PATH, help="Samples: .npz, .npy, image folder or saved dataset; by default made up."
    ),
)
@options.section(
    "Run",
    options.option("--timesteps", type=click.IntRange(1), default=8, show_default=True, help="Time steps of a run."),
    options.option(
        "--executors", default="layer,step", show_default=True, help="What to time, with commas between them."
    ),
    options.option("--repeats", type=click.IntRange(1), default=5, show_default=True, help="Runs; the median counts."),
    options.option(
        "--profile", is_flag=True, help="Show what every population and synapse takes, of the first executor."
    ),
    options.speed,
    options.seed,
)
@options.section("Output", shown.plot, options.force)
@options.images
@options.placing
@options.common
def command(
    model: Path,
    data: Path | None,
    timesteps: int,
    batch_size: int | None,
    profile: bool,
    plot: Path | None,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Time MODEL, a spiking IR file, in turn with the network it came from, run by onnxruntime, on one batch (8).

    A profile on CUDA waits for the device after every item, and is slower than the run it takes apart.
    """
    from onnx2snn.cli.files import take_image_options
    from onnx2snn.data.synthetic import synthetic_inputs
    from onnx2snn.evaluation import timing
    from onnx2snn_runtime.loading import load

    images, overrides = take_image_options(given), options.take_speed(given)
    if plot is not None:
        shown.check_plot(plot, force, model)
    if profile:
        timing.check_profile(overrides)
    snn = load(model, device=given["device"], dtype=given["dtype"])
    count = batch_size or SAMPLES
    inputs = read_data(data, snn.proto, count, images).inputs if data else synthetic_inputs(snn.proto, 0, count)
    names = [name.strip() for name in given["executors"].split(",")]
    settings = {"timesteps": timesteps, "repeats": given["repeats"], **overrides}
    with console.progress() as progress:
        found = timing.measure(snn, inputs, executors=names, progress=progress, **settings)
        parts = timing.profile(snn, inputs, executor=names[0], progress=progress, **settings) if profile else None
    if plot is not None:
        shown.draw("timing", found, plot)
    if as_json:
        console.print_json({"model": str(model), **found, **({"profile": parts} if parts else {})})
        return
    show(model, found)
    if parts:
        show_profile(parts)


def show(model: Path, found: dict[str, Any]) -> None:
    """Print the times of the executors."""
    steps = found["timesteps"]
    console.say(f"{model}: {found['samples']} samples, T={steps}, {found['threads']} threads, {found['device']}")
    rows = [
        [name, *(console.number(1e3 * found[key][name]) for key in ("seconds", "first_call")),
         console.number(found["ratio"].get(name))]
        for name in found["seconds"]
    ]  # fmt: skip
    heads = ["", "ms", "first call, ms", f"over {steps} plain passes"]
    if "peak_memory" in found:
        heads.append("KiB a sample")
        for row in rows:
            taken = found["peak_memory"].get(row[0])
            row.append(console.number(None if taken is None else taken / 1024))
    console.table(heads, rows)


def show_profile(found: dict[str, Any]) -> None:
    """Print where the time of a run goes: its parts, the slowest first, and what they sum to."""
    waits = ", slower than the run: the host waits after every item" if found["device"] != "cpu" else ""
    console.say("")
    console.say(f"profile of {found['executor']}, in all {found['timesteps']} steps{waits}")
    rows: list[tuple[str, str, float]] = [(row["name"], _made_of(row), row["seconds"]) for row in found["rows"]]
    left = rows[MOST_ROWS:]
    if left:
        rows[MOST_ROWS:] = [(f"({len(left)} more)", "", sum(row[2] for row in left))]
    for kind, seconds in found["totals"].items():
        if kind == "rest" or seconds:
            rows.append((TOTALS[kind], "", seconds))
    rows.append(("the run", "", found["seconds"]))
    cells = [(name, kind, console.number(1e3 * s), console.percent(s / found["seconds"])) for name, kind, s in rows]
    console.table(("", "type", "ms", "share"), cells, text=2)


def _made_of(row: dict[str, Any]) -> str:
    """Return the type of a row, and the operators of a region."""
    operators = row.get("operators", ())
    if len(operators) < 2:
        return str(row["type"])
    return f"{row['type']}: " + ", ".join(operators[:MOST_NAMED]) + (", ..." if len(operators) > MOST_NAMED else "")
