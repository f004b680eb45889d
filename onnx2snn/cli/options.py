"""Options that several commands share, as decorators."""

from pathlib import Path
from typing import Any

import click

from onnx2snn.cli.common import DEBUG, common, debug_option
from onnx2snn.cli.parameters import BatchAxis, Numbers, PortShape, Setting, Size
from onnx2snn.cli.sections import Command, Function, chain, option, section
from onnx2snn.data.images import CHANNELS, LAYOUTS
from onnx2snn.data.streams.base import SAMPLINGS
from onnx2snn.settings import NetworkSettings
from onnx2snn.settings.network import NEURONS, RECURRENCE
from onnx2snn_runtime.errors import InputError

__all__ = ["DEBUG", "Command", "chain", "common", "debug_option", "option", "section"]
# written out, so that --help brings no torch
DYNAMICS = "differential, if, lif, signgd, subgradient, ternary"
SCHEDULES = "constant, exponential, inverse, polynomial, sqrt"
ENCODERS = "differential, direct, float, poisson, spike, stochastic_spike"


def setting(of: str, example: str) -> Function:
    """Return the option --OF-option NAME=VALUE, which may be repeated, as `OF_options`."""
    text = f"A setting of the {of}, such as {example}; may be repeated."
    return option(f"--{of}-option", f"{of}_options", type=Setting(), multiple=True, help=text)


def timesteps(default: str) -> Function:
    """Add --timesteps, a list."""
    return option(
        "--timesteps", type=Numbers("T,T,..."), default=default, show_default=True, help="Time steps to look at."
    )


def take_overrides(options: dict[str, Any]) -> dict[str, Any]:
    """Remove what was given of dynamics, schedule, encoder and delay from `options` and return it as a run takes it."""
    found: dict[str, Any] = {}
    for name in ("dynamics", "schedule", "encoder"):
        for key, empty in ((name, None), (f"{name}_options", ())):
            value = options.pop(key, empty)
            if value:
                found[key] = value if isinstance(value, str) else dict(value)
    delay = options.pop("delay", None)
    return found if delay is None else found | {"delay": delay}


def take_speed(options: dict[str, Any]) -> dict[str, Any]:
    """Remove what was given of early exit and CUDA graphs from `options` and return it as a run takes it.

    What does not go together raises InputError.
    """
    names = ("early_exit", "stable_steps", "exit_every", "cuda_graphs")
    found = {name: value for name in names if (value := options.pop(name, None))}
    if found and "early_exit" not in found and "cuda_graphs" not in found:
        raise InputError("--stable-steps and --exit-every are settings of early exit: give --early-exit as well")
    if "early_exit" in found and "cuda_graphs" in found:
        raise InputError("a CUDA graph is a run that nothing leaves: give one of --early-exit and --cuda-graphs")
    return found


force = section("Output", option("--force", is_flag=True, help="Overwrite an existing file."))
seed = option("--seed", type=int, default=0, show_default=True, help="Seed of everything random.")
KINDS = ".npz, .npy, image folder, .tar, .parquet, saved dataset, or several, such as 'shard-{000..009}.tar'"
labels = option(
    "--labels", metavar="NAME|FILE", help="Labels: a column or field, or a file (.npy, .txt, .csv); by default found."
)
sampling = option(
    "--sampling",
    type=click.Choice(SAMPLINGS),
    help="Which samples --samples takes: the first, some spread evenly (the default of images), or drawn by --seed.",
)
samples = option("--samples", type=click.IntRange(1), help="Samples to take; by default all.")
device = section("Machine", option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N."))
placing = section(
    "Machine",
    device,
    option("--dtype", help="Type that synapses run in: float32, float64, float16 or bfloat16."),
    option("--batch-size", type=click.IntRange(1), help="Samples to run at a time."),
)
dynamics = chain(
    option("--dynamics", help=f"What a spike can say: {DYNAMICS}."),
    setting("dynamics", "levels=8"),
    option("--schedule", help=f"Step size over time: {SCHEDULES}."),
    setting("schedule", "decay=0.9"),
)
delay = option("--delay", type=click.IntRange(0, 1), help="Steps that a spike is on its way: 0 or 1.")
structure = chain(
    option(
        "--neurons",
        type=click.Choice(NEURONS),
        default=NetworkSettings.neurons,
        show_default=True,
        help="What a neuron may compute: a region of operators, or a scalar function of one or two operands.",
    ),
    option("--encoder", default=NetworkSettings.encoder, show_default=True, help=f"Input coding: {ENCODERS}."),
)
batch_axis = option(
    "--batch-axis",
    type=BatchAxis(),
    multiple=True,
    callback=lambda ctx, param, value: dict(value),
    help="The axis of an input or output that counts the samples, from 0 on, or none where one value is for all of "
    "them; may be repeated. By default it is found.",
)
ports = chain(
    batch_axis,
    option(
        "--shape",
        type=PortShape(),
        multiple=True,
        callback=lambda ctx, param, value: dict(value),
        help="Sizes of the free axes of an input, such as NAME=1,1,64,160 (0: stays free); may be repeated.",
    ),
)
recurrence = option(
    "--recurrence",
    type=click.Choice(RECURRENCE),
    default=NetworkSettings.recurrence,
    show_default=True,
    help="Keep recurrences rolled (sequences of any length), or write every position out; auto: short ones.",
)
executor = option("--executor", default="layer", show_default=True, help="How it is executed: layer, step or event.")
overrides = section(
    "Spikes",
    dynamics,
    delay,
    option("--encoder", help=f"Coding of spiking inputs: {ENCODERS}."),
    setting("encoder", "seed=1"),
)


def sample_data(default: int | None = None) -> Function:
    """Return the options of the samples to look at: all, or `default` of them, where nobody says how many."""
    shown = (
        samples
        if default is None
        else option("--samples", type=click.IntRange(1), default=default, show_default=True, help="Samples to take.")
    )
    return section(
        "Data",
        option("-d", "--data", type=click.Path(path_type=Path), required=True, help=f"Samples: {KINDS}."),
        shown,
        sampling,
        labels,
        batch_axis,
    )


data = chain(
    sample_data(),
    section(
        "Data",
        option("--output", help="Output to look at; by default the first float output."),
        option("--class-axis", type=int, help="Its class axis; by default 1, and the last of three."),
    ),
)
speed = chain(
    option(
        "--early-exit",
        type=click.Choice(["settled", "stable"]),
        help="A sample leaves when nothing moves any more (settled), or when its top-1 stays the same (stable); at "
        "every later T it keeps the result that it left with.",
    ),
    option(
        "--stable-steps", type=click.IntRange(1), help="Steps that a stable top-1 has been the same for; by default 2."
    ),
    option("--exit-every", type=click.IntRange(1), help="Look every N steps who leaves; by default at each."),
    option("--cuda-graphs", is_flag=True, help="Replay a run as one CUDA graph; not with early exit."),
)
images = section(
    "Images",
    option("--image-size", type=Size(), help="Size of images: cut from the centre. By default the model's."),
    option("--image-resize", type=click.IntRange(1), help="Length of the shorter side before the cut."),
    option(
        "--image-mean", type=Numbers("number,...", whole=False), default="0", help="Mean of each channel, subtracted."
    ),
    option(
        "--image-std",
        type=Numbers("number,...", whole=False),
        default="1",
        help="Deviation of each channel, divided by.",
    ),
    option(
        "--image-scale",
        type=float,
        default=1 / 255,
        help="What a pixel (0 to 255) is multiplied by before that; by default 1/255.",
    ),
    option("--image-layout", type=click.Choice(LAYOUTS), help="Where the channels are. By default the model's."),
    option("--image-channels", type=click.Choice(CHANNELS), default="rgb", show_default=True, help="Channels."),
)
