"""onnx2snn export: a spiking network as a file for other simulators, chips and runtimes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import console, options
from onnx2snn.cli.files import check_output, read_data
from onnx2snn_runtime.errors import InputError

if TYPE_CHECKING:
    from onnx2snn.export.base import Exported, Request
    from onnx2snn.export.verification import Verification

_PATH = click.Path(path_type=Path)
SUFFIXES = {"nir": ".nir", "onnx-step": ".step.onnx", "torch": ".py"}
"""What the names of files end with, by exporter; written out, so that --help brings no torch."""
READERS = "sinabs, norse, snntorch, spikingjelly"


@click.command(cls=options.Command, short_help="Write a spiking network for other simulators.")
@click.argument("model", type=_PATH)
@options.section(
    "Output",
    options.option("--to", type=click.Choice(list(SUFFIXES)), required=True, help="What to write."),
    options.option("--target", default="", help=f"Reader that a NIR file is for: {READERS}."),
    options.option("-o", "--output", type=_PATH, help="Where to write; by default beside MODEL."),
    options.option(
        "--dtype",
        type=click.Choice(["float32", "float64"]),
        default="float32",
        show_default=True,
        help="Type of the numbers in the file.",
    ),
    options.force,
)
@options.section(
    "Spikes",
    options.dynamics,
    options.delay,
    options.option("--timesteps", type=click.IntRange(1), help="Time steps; by default the model's own."),
    options.option(
        "--initial-as-bias", is_flag=True, help="NIR: add the membrane's start to the biases, over --timesteps."
    ),
)
@options.section(
    "Verification",
    options.option("--verify", "samples_in", type=_PATH, help="Samples to run in the reader and here, and compare."),
    options.samples,
)
@options.common
def command(
    model: Path, to: str, target: str, output: Path | None, force: bool, as_json: bool, samples_in: Path | None,
    samples: int | None, **given: Any,
) -> None:  # fmt: skip
    """Write MODEL, a spiking IR file, as a NIR file, an ONNX file of one time step, or a PyTorch module.

    With --verify a NIR file is run in its reader, which has to be installed, and compared with our own run.
    """
    stem = model.name.removesuffix(".onnx").removesuffix(".snn")
    path = output or model.with_name(f"{stem}{'.' + target if target else ''}{SUFFIXES[to]}")
    check_output(path, force, model)
    if samples_in and to != "nir":
        raise InputError("--verify runs NIR files in their readers: an onnx-step file runs in onnxruntime")
    overrides = options.take_overrides(given)
    from onnx2snn.export.base import EXPORTERS, Request
    from onnx2snn_runtime.loading import load

    request = Request(
        load(model), path, target, overrides, given["timesteps"], given["initial_as_bias"], given["dtype"]
    )
    done = EXPORTERS[to](request)
    verified = _verified(request, done, samples_in, samples) if samples_in else None
    if as_json:
        console.print_json(
            {"model": str(model), "to": to, **console.plain(done), "verification": console.plain(verified)}
        )
        return
    for note in done.notes:
        console.note(f"{note}.")
    if verified is not None:
        show(verified)
    for name in done.files:
        console.say(f"written: {name}")


def _verified(request: "Request", done: "Exported", path: Path, samples: int | None) -> "Verification":
    from onnx2snn.export.verification import verify

    return verify(request, done, read_data(path, request.snn.proto, samples, {}).inputs)


def show(found: "Verification") -> None:
    """Print how the reader's run compares with ours."""
    rows = [(name, console.percent(share)) for name, share in found.by_population.items()]
    console.table(["population", "spikes that differ"], rows, text=1)
    console.say(
        f"{found.samples} samples in {found.target}, T={found.steps}: same top-1 on {found.agreement:.2%}, "
        f"{found.differing:.3g} of {found.spikes:,} spikes differ, relative error {found.relative_error:.2g}, "
        f"several spikes at once {found.several:.3g}"
    )
    if found.explanation:
        console.say(f"{found.explanation}.")
