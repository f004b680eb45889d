"""onnx2snn report: one HTML page on a spiking network and what it does on data."""

from pathlib import Path
from typing import Any

import click

from onnx2snn.cli import console, energy, opening, options
from onnx2snn.cli.files import check_output

_PATH = click.Path(path_type=Path)


@click.command(cls=options.Command, short_help="Write a page on a network and what it does on data.")
@click.argument("model", type=_PATH)
@options.sample_data()
@options.section(
    "Output",
    options.option("-o", "--output", type=_PATH, required=True, help="Where to write, such as report.html."),
    options.option("--title", default="", help="Title of the page; by default the name of the file."),
    options.force,
)
@options.section("Run", options.timesteps("1,2,4,8"), options.executor, options.seed)
@energy.constants
@opening.running
def command(
    model: Path,
    data: Path,
    timesteps: tuple[int, ...],
    output: Path,
    title: str,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write a page on MODEL, a spiking IR file, and what it does on data: one HTML file that needs no network.

    It shows accuracy, agreement and error against time steps, events, operations and energy, the network as a graph,
    every population in histograms, spikes and traces, the answers of both networks, and the settings. Populations are
    observed on the first 16 samples.
    """
    check_output(output, force, model, data)
    images, overrides = opening.taken(given)
    from onnx2snn.report.writing import write_report

    snn, stream = opening.opened(model, data, given, images)
    chosen = {"batch_size": given["batch_size"], "executor": given["executor"], **overrides}
    with console.progress() as progress:
        found = write_report(
            snn, stream, output, timesteps, title=title or model.name, force=force, progress=progress,
            energy=energy.profile_of(given["energy_file"]), **chosen,
        )  # fmt: skip
    if as_json:
        console.print_json({**found, "model": str(model), "output": str(output)})
    else:
        console.say(f"written: {output} ({output.stat().st_size / 1e6:.1f} MB)")
