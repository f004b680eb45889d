"""onnx2snn evaluate: measures agreement, error, accuracy and events against time steps."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import cluster, console, energy, opening, options, shown, streaming
from onnx2snn.cli.files import warn_of_nan

if TYPE_CHECKING:
    from onnx2snn.evaluation.evaluation import Streaming

_PATH = click.Path(path_type=Path)
COLUMNS = "T,mean T,agreement,cosine,relative error,accuracy,events/neuron,events,synaptic operations".split(",")


@click.command(cls=options.Command, short_help="Compare with the plain network on data.")
@click.argument("model", type=_PATH)
@options.data
@options.section("Run", options.timesteps("1,2,4,8"), options.executor, options.speed, options.seed)
@options.overrides
@energy.choices
@options.images
@streaming.choices
@cluster.choices
@shown.choices
@options.placing
@options.common
def command(model: Path, data: Path, timesteps: tuple[int, ...], as_json: bool, **given: Any) -> None:
    """Compare MODEL, a spiking IR file, with the network it was made from, on data.

    The plain network is the IR file itself, run by onnxruntime. With --early-exit every row is a run of T steps at
    most, and "mean T" the steps that a sample took. Operations and energy are not counted with --cuda-graphs, nor with
    --early-exit under momentum, subgradient, if and lif.
    """
    shown.check(given, model, data)
    try:
        found = figures(model, data, timesteps, given)
    except KeyboardInterrupt:
        if given["resume"] is not None:
            console.note(f"what is done is kept in {str(given['resume'])!r}: the same command goes on from it")
        raise
    written = shown.show(found, given)
    if as_json:
        console.print_json(found)
        return
    show(found)
    energy.show(found["energy"], given["by_layer"])
    for path in written:
        console.say(f"written: {path}")


def figures(model: Path, data: Path, timesteps: tuple[int, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of `model` on `data` with the options `given`."""
    options_left = dict(given)
    images, overrides = opening.taken(options_left)
    overrides |= options.take_speed(options_left)
    profile = energy.profile_of(given.get("energy_file"))
    snn, samples = opening.opened(model, data, given, images)
    names = ("output", "class_axis", "batch_size", "executor")
    with console.progress() as progress:
        found = shown.measurer(given, model.name)(
            snn,
            samples,
            timesteps,
            energy=profile,
            by_layer=given.get("by_layer", False),
            progress=progress,
            streaming=_streaming(given),
            **{name: given[name] for name in names},
            **overrides,
        )
    warn_of_nan(found["nan_samples"], found["samples"])
    bad = max((at["not_finite"] for at in found["timesteps"].values()), default=0)
    if bad:
        console.warn(f"{bad} values of the output are NaN or infinite in one network alone: figures leave them out")
    return {**found, "model": str(model)}


def _streaming(given: dict[str, Any]) -> "Streaming":
    """Return how samples are read and where batches are measured."""
    from onnx2snn.evaluation.evaluation import Streaming

    chosen, readers = cluster.cluster_of(given), given.get("readers")
    workers = None
    if chosen is not None:
        from onnx2snn.cluster.evaluating import RayWorkers

        workers = RayWorkers(chosen)
    return Streaming(Streaming.readers if readers is None else readers, given.get("resume"), workers)


def show(found: dict[str, Any]) -> None:
    """Print the figures as a table."""
    accuracy = console.percent(found["ann"]["accuracy"])
    console.say(f"{found['model']}: {found['samples']} samples" + (f", plain network {accuracy}" if accuracy else ""))
    rows = [row(t, figures) for t, figures in found["timesteps"].items()]
    last = found["timesteps"][max(found["timesteps"], key=int)]
    absent = {"mean T": not found["early_exit"], "cosine": last["cosine"] is None}
    shown = [i for i, name in enumerate(COLUMNS) if not absent.get(name)]
    console.table([COLUMNS[i] for i in shown], [[cells[i] for i in shown] for cells in rows], text=0)


def row(t: str, figures: dict[str, Any]) -> list[str | None]:
    """Return the figures at `t` time steps as the cells of a row."""
    operations = figures["synaptic_operations"]
    return [
        t,
        console.number(figures["mean_timesteps"], 3),
        console.percent(figures["agreement"]),
        console.number(figures["cosine"], 5),
        console.percent(figures["relative_error"]),
        console.percent(figures["accuracy"]),
        console.number(figures["events_per_neuron"], 3),
        f"{figures['events']:,}",
        None if operations is None else f"{operations:,.0f}",
    ]
