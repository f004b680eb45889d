"""onnx2snn run: runs a spiking network on the user's inputs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from onnx2snn.cli import console, options
from onnx2snn.cli.files import check_output, read_data, take_image_options, write_arrays
from onnx2snn_runtime.errors import InputError

if TYPE_CHECKING:
    from onnx2snn_runtime.model import SpikingModel

_PATH = click.Path(path_type=Path)
STEPS = "steps_taken"


@click.command(cls=options.Command, short_help="Run a spiking network and write its outputs.")
@click.argument("model", type=_PATH)
@options.section(
    "Data",
    options.option(
        "-i", "--input", "source", type=_PATH, required=True, help="Inputs: .npz, .npy, image folder or dataset."
    ),
    options.samples,
    options.batch_axis,
)
@options.section(
    "Output",
    options.option(
        "-o", "--output", type=_PATH, required=True, help="Where to write: .npz, or .npy for a single output."
    ),
    options.force,
)
@options.section(
    "Run",
    options.option("--timesteps", type=click.IntRange(1), help="Time steps; by default the model's own."),
    options.executor,
    options.speed,
    options.seed,
)
@options.overrides
@options.images
@options.placing
@options.common
def command(
    model: Path, source: Path, output: Path, timesteps: int | None, as_json: bool, force: bool, **given: Any
) -> None:
    """Run MODEL, a spiking IR file, on inputs and write its outputs, by name.

    With --early-exit an .npz holds "steps_taken" as well: the time steps that each sample took. An output as long as
    the data say is written as an array a sample: NAME.0, NAME.1, ...
    """
    if output.suffix.lower() not in (".npz", ".npy"):
        raise InputError(f"{str(output)!r} is neither an .npz nor an .npy: choose one of them for --output")
    check_output(output, force, model, source)
    images, overrides = take_image_options(given), options.take_overrides(given)
    overrides |= options.take_speed(given)
    from onnx2snn_runtime.loading import load

    snn = load(model, device=given["device"], dtype=given["dtype"])
    snn.set_batch_axes(given["batch_axis"])
    names = [port.name for port in snn.program.outputs]
    if output.suffix.lower() == ".npy" and len(names) > 1:
        raise InputError(f"the model has the outputs {', '.join(names)}: give an .npz as --output")
    samples = read_data(source, snn.proto, given["samples"], images)
    steps = timesteps or snn.defaults.timesteps
    result, facts = _run(snn, samples.inputs, steps, given, overrides)
    beside = {STEPS: facts[STEPS]} if STEPS in facts.keys() - result.keys() else {}
    result = _entries(result)
    if output.suffix.lower() == ".npy" and len(result) > 1:
        raise InputError(f"{names[0]!r} is as long as the data say, an array a sample: give an .npz as --output")
    write_arrays(output, {**result, **beside})
    shapes = {name: list(value.shape) for name, value in result.items()}
    files = {"model": str(model), "output": str(output), "samples": samples.count, "timesteps": steps}
    if as_json:
        console.print_json({**files, "shapes": shapes, **facts})
        return
    for name, shape in shapes.items():
        console.say(f"{name}: {' x '.join(map(str, shape))}")
    console.say(f"{samples.count} samples at T={steps}, {facts['events_per_neuron']:.3g} events per neuron")
    if STEPS in facts:
        taken = facts[STEPS]
        console.say(f"steps taken: {facts['mean_timesteps']:.3g} on average, {min(taken)} to {max(taken)}")
    console.say(f"written: {output}")


def _run(
    snn: "SpikingModel", inputs: dict[str, np.ndarray], steps: int, given: dict[str, Any], overrides: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays to write by name, and the facts: events, and with early exit the steps taken."""
    import torch

    torch.manual_seed(given["seed"])
    run = snn.run(inputs, steps, executor=given["executor"], batch_size=given["batch_size"], **overrides)
    outputs = run.outputs[steps]
    named = outputs if isinstance(outputs, dict) else {snn.program.outputs[0].name: outputs}
    facts: dict[str, Any] = {"events": run.events[steps], "events_per_neuron": run.events_per_neuron[steps]}
    if "early_exit" in overrides:
        taken = run.steps_taken.numpy()
        facts |= {"mean_timesteps": float(taken.mean()), STEPS: taken}
    return named, facts


def _entries(outputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return `outputs` with the entries of lists, one a sample, as arrays of their own."""
    found = {}
    for name, value in outputs.items():
        parts = {f"{name}.{i}": entry for i, entry in enumerate(value)} if isinstance(value, list) else {name: value}
        found.update(parts)
    return found
