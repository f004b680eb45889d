"""onnx2snn stream: runs a spiking network over the frames of a video, a sound or arrays, and tells what each costs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from onnx2snn.cli import console, options
from onnx2snn.cli.files import check_output, take_image_options, write_arrays
from onnx2snn.cli.stream_figures import COLUMNS, Figures, figures, mean, row
from onnx2snn.cli.stream_report import write_report
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.files import writing

if TYPE_CHECKING:
    from onnx2snn_runtime.model import SpikingModel

_PATH = click.Path(path_type=Path)
WIDE = 12
"""Characters of the column that names the frames: lines are printed one by one, and stand below each other."""


@click.command(cls=options.Command, short_help="Run over frames, and tell what each costs.")
@click.argument("model", type=_PATH)
@options.section(
    "Frames",
    options.option(
        "-i",
        "--input",
        "source",
        type=_PATH,
        required=True,
        help="A video, a sound, a folder of images, or an .npz or .npy of [frames, samples, ...].",
    ),
    options.option("--frames", "limit", type=click.IntRange(1), help="Frames to take; by default all."),
    options.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Take one frame in so many."),
    options.option("--window", type=click.IntRange(1), help="Samples of a window of sound; by default the model's."),
    options.option("--hop", type=click.IntRange(1), help="Samples between windows; by default half a window."),
    options.option("--rate", type=click.IntRange(1), help="Samples a second that a sound has to have."),
)
@options.section(
    "Run",
    options.option("--timesteps", type=click.IntRange(1), help="Time steps a frame; by default the model's own."),
    options.option("--reset-above", type=float, help="Begin anew where a frame differs by more than that share."),
    options.option("--coarse", type=click.IntRange(0), help="Octaves of a first pass; by default the model's own."),
    options.option("--margin", type=click.FloatRange(0), help="The lead of an answer that takes no second pass."),
    options.option("--no-operations", is_flag=True, help="Count events only, which is faster."),
    options.executor,
    options.batch_axis,
)
@options.section(
    "Output",
    options.option("-o", "--output", type=_PATH, help="Where to write the outputs: .npz, or .jsonl, a line a frame."),
    options.option("--report", type=_PATH, help="Where to write the figures: .html or .json."),
    options.option("--show-every", type=click.IntRange(1), default=10, show_default=True, help="Frames a line."),
    options.force,
)
@options.overrides
@options.images
@options.device
@options.common
def command(
    model: Path,
    source: Path,
    output: Path | None,
    report: Path | None,
    force: bool,
    as_json: bool,
    show_every: int,
    **given: Any,
) -> None:
    """Run MODEL, a spiking IR file, over frames one after the other: what has not changed is not sent.

    Each line tells of some frames what they took on average: operations by NeuroBench's rule, beside those of the dense
    network, and energy beside that of the dense network in int8.
    """
    for path, kinds in ((output, (".npz", ".jsonl")), (report, (".html", ".json"))):
        if path is not None:
            check_output(path, force, model, source)
            if path.suffix.lower() not in kinds:
                raise InputError(f"{str(path)!r} is neither {kinds[0]} nor {kinds[1]}: choose one of them")
    from onnx2snn_runtime.loading import load

    snn = load(model, device=given["device"])
    snn.set_batch_axes(given["batch_axis"])
    found = _run(snn, source, output, None if as_json else show_every, given)
    if report is not None:
        write_report(report, str(model), str(source), found)
    if as_json:
        facts = {"model": str(model), "input": str(source), "output": output and str(output)}
        console.print_json({**facts, **mean(found), "frames": len(found)})
        return
    for what, path in (("outputs", output), ("report", report)):
        if path is not None:
            console.say(f"{what} written: {path}")


def _run(
    snn: "SpikingModel", source: Path, output: Path | None, show_every: int | None, given: dict[str, Any]
) -> list[Figures]:
    """Run over the frames of `source`, write the outputs, show the figures, and return them by frame."""
    from onnx2snn.data.for_model import preprocessing_of
    from onnx2snn.data.frames import FrameRequest, read_frames

    images, overrides = take_image_options(given), options.take_overrides(given)
    names = ("limit", "every", "window", "hop", "rate")
    request = FrameRequest(**{name: given[name] for name in names}, preprocessing=preprocessing_of(snn.proto, images))
    stream = snn.stream(
        given["timesteps"] or snn.defaults.timesteps,
        operations=not given["no_operations"],
        reset_above=given["reset_above"],
        executor=given["executor"],
        coarse=given["coarse"],
        margin=given["margin"],
        **overrides,
    )
    found: list[Figures] = []
    with _writer(output) as write:
        for frame in read_frames(source, snn.program.inputs, request):
            made = stream(frame)
            write({n: np.asarray(y) for n, y in _by_name(snn, made).items()}, found)
            found.append(figures(stream.last))
            _show(found, show_every)
    if not snn.defaults.spiking_inputs and "encoder" not in overrides:
        console.warn(
            "this network takes frames as numbers, so its first layer is computed anew for each: convert the model "
            "with --stream, which fits a network to sequences"
        )
    if not found:
        raise InputError(f"{str(source)!r} holds no frame: give one or more")
    if show_every:
        console.table(COLUMNS, [row(f"all {len(found)}".ljust(WIDE), mean(found))], text=1)
    return found


def _show(found: list[Figures], every: int | None) -> None:
    """Print a line for the last `every` frames."""
    if every and (len(found) % every == 0 or len(found) == 1):
        last = found[-every:] if len(found) > 1 else found
        title = f"{len(found) - len(last) + 1} to {len(found)}" if len(last) > 1 else str(len(found))
        console.table(COLUMNS, [row(title.ljust(WIDE), mean(last))], text=1, head=len(found) == 1)


def _by_name(snn: "SpikingModel", made: Any) -> dict[str, Any]:
    return made if isinstance(made, dict) else {snn.program.outputs[0].name: made}


@contextmanager
def _writer(path: Path | None) -> Iterator[Any]:
    """Give a function that takes the outputs of a frame, and writes them all in the end, or a line a frame."""
    if path is None:
        yield lambda outputs, found: None
    elif path.suffix.lower() == ".jsonl":
        with writing(path) as partial, partial.open("w", encoding="utf-8") as file:

            def line(outputs: dict[str, np.ndarray], found: list[Figures]) -> None:
                values = {name: console.plain(value) for name, value in outputs.items()}
                file.write(json.dumps({"frame": len(found) + 1, "outputs": values}) + "\n")

            yield line
    else:
        kept: dict[str, list[np.ndarray]] = {}

        def keep(outputs: dict[str, np.ndarray], found: list[Figures]) -> None:
            for name, value in outputs.items():
                kept.setdefault(name, []).append(value)

        yield keep
        if kept:
            write_arrays(path, {name: np.stack(values) for name, values in kept.items()})
