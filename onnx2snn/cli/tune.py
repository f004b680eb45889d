"""onnx2snn tune: searches the settings of a spiking network that reach a target on data."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import cluster, console, options, sequences, shown
from onnx2snn.cli.files import check_output, take_image_options
from onnx2snn.data.for_model import open_data, read_few
from onnx2snn.settings.payload import PAYLOADS
from onnx2snn.settings.search import SearchSettings
from onnx2snn_runtime.errors import InputError

if TYPE_CHECKING:
    from onnx2snn.fitting.tuning import Point, Tuning

_PATH = click.Path(path_type=Path)
COLUMNS = ["setting", "T", "agreement", "relative error", "accuracy", "events/neuron", "shift-adds/neuron"]
COLUMNS += ["energy/fp32", "energy/int8"]


@click.command(cls=options.Command, short_help="Search settings that reach a target.")
@click.argument("model", type=_PATH)
@options.section(
    "Data",
    options.option("-d", "--data", type=_PATH, required=True, help=f"Samples: {options.KINDS}."),
    options.samples,
    options.sampling,
    options.labels,
)
@options.section(
    "Target",
    options.option(
        "--target-agreement", type=float, help="Share of top-1 answers to have in common with the plain network."
    ),
    options.option("--target-error", type=float, help="Relative error of the output to reach."),
    options.option("--timesteps", type=click.IntRange(1), help="Time steps at most; by default the model's own."),
    options.option(
        "--stream",
        is_flag=True,
        help="The data are sequences, .npz or .npy of [frames, samples, ...]: find dead zones, and steps a frame, for "
        "the fewest operations a frame within --target-error or --target-agreement.",
    ),
    options.option("--max-events", type=float, help="Events a neuron at most."),
)
@options.section(
    "Search",
    options.option(
        "--budget",
        type=float,
        default=SearchSettings.budget,
        show_default=True,
        help="Seconds that the search may take.",
    ),
    options.seed,
    options.option(
        "--payload", type=click.Choice(["all", *PAYLOADS]), help="Show what spikes of another kind, or all, would cost."
    ),
)
@options.section(
    "Output",
    options.option("--plot", type=_PATH, help="Where to draw the frontier, such as frontier.png."),
    options.option("-o", "--output", type=_PATH, help="Where to write the model with the chosen setting, if at all."),
    options.force,
)
@options.images
@cluster.choices
@options.device
@options.common
def command(
    model: Path, data: Path, output: Path | None, plot: Path | None, force: bool, as_json: bool, **given: Any
) -> None:
    """Search the schedule, levels, mantissa bits and scales of MODEL, a spiking IR file, for a target on data.

    Without a target the least relative error is looked for. The choice has to reach the target within the uncertainty
    of the samples, and on samples held back; the exit code is 1 where none does. With --stream the data are sequences
    of frames, and what is looked for are the fewest operations a frame.
    """
    if output is not None:
        check_output(output, force, data)
    if plot is not None:
        shown.check_plot(plot, force, data, model)
    images, of_frames = take_image_options(given), given.pop("stream")
    if of_frames:
        _of_sequences(model, data, output, plot, force, as_json, given)
        return
    limit, device = given.pop("samples"), given.pop("device")
    from onnx2snn.fitting.tuning import tune
    from onnx2snn_runtime.loading import load

    snn = load(model, device=device)
    drawing = {"sampling": given.pop("sampling"), "seed": given["seed"]}
    samples = read_few(
        open_data(data, snn.proto, None, images, given.pop("labels")), limit, **drawing, tell=console.note
    )
    trials = cluster.trials_of(given)
    with console.progress() as progress:
        found = tune(snn, samples, progress=progress, **trials, **given)
    if output is not None:
        snn.save(output, force=force)
    if plot is not None:
        shown.draw("frontier", found.frontier, plot)
    if as_json:
        console.print_json({"model": str(model), "output": output and str(output), **console.plain(found)})
    else:
        show(found, output)
    if not found.reached:
        console.warn(
            "nothing that was tried reaches the target on held-back samples: the nearest was chosen; "
            "allow more time or time steps"
        )
        click.get_current_context().exit(1)


def show(found: "Tuning", output: Path | None) -> None:
    """Print the frontier, the choice, and how it does on the samples held back."""
    console.table(COLUMNS, [row(point) for point in found.frontier])
    console.say(f"{found.trials} trials on {found.samples} samples in {found.seconds:.1f} s")
    rows = [["before: " + found.before.setting, *row(found.before)[1:]], row(found.chosen)]
    if found.held_back is not None:
        rows.append(["  on samples held back", *row(found.held_back)[1:]])
    console.table(["chosen", *COLUMNS[1:]], rows)
    if output is not None:
        console.say(f"written: {output}")


def row(point: "Point") -> list[str | None]:
    """Return the cells of a point."""
    return [
        point.setting,
        str(point.timesteps),
        console.percent(point.agreement),
        console.percent(point.relative_error),
        console.percent(point.accuracy),
        console.number(point.events_per_neuron, 3),
        console.number(point.shift_adds_per_neuron, 3),
        console.number(point.energy, 3),
        console.number(point.energy_int8, 3),
    ]


def _of_sequences(
    model: Path, data: Path, output: Path | None, plot: Path | None, force: bool, as_json: bool, given: dict[str, Any]
) -> None:
    """Do the same with sequences of frames: see `sequences`."""
    from onnx2snn_runtime.loading import load

    for name in ("payload", "max_events", "samples", "sampling", "labels", "ray"):
        if given.get(name) is not None:
            raise InputError(f"--{name.replace('_', '-')} is not for streams: leave it out, or --stream")
    snn = load(model, device=given["device"])
    names = ("target_error", "target_agreement", "timesteps", "budget")
    found = sequences.fit(
        snn,
        sequences.read_sequences(data),
        **{name: given[name] for name in names if given[name] is not None},
    )
    if output is not None:
        snn.save(output, force=force)
    if plot is not None:
        shown.draw("stream_frontier", found, plot)
    if as_json:
        console.print_json({"model": str(model), "output": output and str(output), **console.plain(found)})
    else:
        sequences.show(found)
        if output is not None:
            console.say(f"written: {output}")
    if not found.reached:
        console.warn(sequences.NEAREST)
        click.get_current_context().exit(1)
