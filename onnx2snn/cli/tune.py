"""onnx2snn tune: searches the settings of a spiking network that reach a target on data."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import console, options
from onnx2snn.cli.files import check_output, take_image_options
from onnx2snn.cli.plots import draw_frontier, need_pyplot
from onnx2snn.data.for_model import open_data, read_few
from onnx2snn.settings.payload import PAYLOADS
from onnx2snn.settings.search import SearchSettings

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
@options.device
@options.common
def command(
    model: Path, data: Path, output: Path | None, plot: Path | None, force: bool, as_json: bool, **given: Any
) -> None:
    """Search the schedule, levels, mantissa bits and scales of MODEL, a spiking IR file, for a target on data.

    Without a target the least relative error is looked for. The choice has to reach the target within the uncertainty
    of the samples, and on samples held back; the exit code is 1 where none does.
    """
    if output is not None:
        check_output(output, force, data)
    if plot is not None:
        check_output(plot, force, data, model)
        need_pyplot()
    images = take_image_options(given)
    limit, device = given.pop("samples"), given.pop("device")
    from onnx2snn.fitting.tuning import tune
    from onnx2snn_runtime.loading import load

    snn = load(model, device=device)
    drawing = {"sampling": given.pop("sampling"), "seed": given["seed"]}
    samples = read_few(
        open_data(data, snn.proto, None, images, given.pop("labels")), limit, **drawing, tell=console.note
    )
    with console.progress() as progress:
        found = tune(snn, samples, progress=progress, **given)
    if output is not None:
        snn.save(output, force=force)
    if plot is not None:
        draw_frontier(found.frontier, plot)
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
