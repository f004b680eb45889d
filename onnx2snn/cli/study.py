"""onnx2snn study: models, payloads, time steps and seeds from one file; one table and its pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import cluster, console, options

if TYPE_CHECKING:
    from onnx2snn.study.conducting import Conductor

_PATH = click.Path(path_type=Path)


@click.command(cls=options.Command, short_help="Run a table of models, payloads, T and seeds.")
@click.argument("study", type=_PATH)
@options.section(
    "Output",
    options.option("--resume", is_flag=True, help="Go on: run the cells that have no row yet."),
    options.option("--retry", is_flag=True, help="Go on, and run the cells that failed again, too."),
    options.option("--parquet", is_flag=True, help="Write the rows as Parquet, too (pyarrow)."),
    options.option("--pictures/--no-pictures", default=True, show_default=True, help="Draw the table (matplotlib)."),
)
@options.force
@cluster.choices
@options.device
@options.common
def command(
    study: Path, resume: bool, retry: bool, parquet: bool, pictures: bool, force: bool, as_json: bool, **given: Any
) -> None:
    """Run the study in the YAML file STUDY: every model with every payload and seed, at all numbers of time steps.

    Every cell is a row of results.jsonl in the study's folder, written when it is done, with the settings and versions
    that made it; a cell that fails is a row that says why. Then come table.csv, table.md and the pictures. Ctrl-C
    leaves what is done, and --resume goes on from it.
    """
    from onnx2snn.study.conducting import Conductor, here
    from onnx2snn.study.pictures import need_matplotlib
    from onnx2snn.study.spec import read_study
    from onnx2snn.study.table import need_pyarrow

    if pictures:
        need_matplotlib()
    if parquet:
        need_pyarrow()
    conductor = Conductor(read_study(study), given["device"])
    conductor.open(resume or retry, force)
    runner = cluster.runner_of(given, here)
    try:
        with console.progress() as progress:
            conductor.run(runner, retry, progress, None if as_json else console.note)
    except KeyboardInterrupt:
        console.note(f"{len(conductor.rows)} of {conductor.cells} cells are done: go on with --resume")
        raise
    finally:
        files = conductor.write(pictures, parquet)
    if as_json:
        console.print_json({"study": conductor.study.name, "rows": conductor.rows, "files": [str(f) for f in files]})
    else:
        show(conductor, files)


def show(conductor: "Conductor", files: list[Path]) -> None:
    """Print the means over the seeds, and where everything is."""
    from onnx2snn.study.table import HEADERS, cells, means

    averages = means(conductor.rows)
    columns = HEADERS if any(row["error"] for row in averages) else HEADERS[:-1]
    console.table(columns, [cells(row)[: len(columns)] for row in averages], text=2)
    failed = sum(bool(row["error"]) for row in conductor.rows)
    console.say(f"{conductor.study.name}: {len(conductor.rows)} of {conductor.cells} cells, {failed} failed")
    for file in files:
        console.say(f"written: {file}")
