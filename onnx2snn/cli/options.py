"""Options that several commands share, as decorators."""

import os
from collections.abc import Callable
from typing import Any

import click

from onnx2snn.cli.parameters import Numbers, Setting, Size
from onnx2snn.data.images import CHANNELS, LAYOUTS
from onnx2snn_runtime.errors import InputError

DEBUG = "onnx2snn.debug"
# written out, so that --help brings no torch
DYNAMICS = "differential, if, lif, signgd, subgradient"
SCHEDULES = "constant, exponential, inverse, polynomial, sqrt"
ENCODERS = "differential, direct, float, poisson, spike, stochastic_spike"
Function = Callable[..., Any]


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[DEBUG] = True


def _threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    """Bound the threads of torch, and of onnxruntime, which looks at the environment."""
    if value is None:
        return
    import torch

    before, name = (torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")), "OMP_NUM_THREADS"
    torch.set_num_threads(value)
    os.environ[name] = str(value)

    def restore() -> None:
        torch.set_num_threads(before[0])
        if before[1] is None:
            del os.environ[name]
        else:
            os.environ[name] = before[1]

    ctx.call_on_close(restore)


debug_option = click.option(
    "--debug", is_flag=True, is_eager=True, expose_value=False, callback=_debug, help="Show tracebacks of errors."
)


def chain(*options: Function) -> Function:
    """Return one decorator that adds `options` in the order given."""

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def setting(of: str, example: str) -> Function:
    """Return the option --OF-option NAME=VALUE, which may be repeated, as `OF_options`."""
    text = f"A setting of the {of}, such as {example}; may be repeated."
    return click.option(f"--{of}-option", f"{of}_options", type=Setting(), multiple=True, help=text)


def common(function: Function) -> Function:
    """Add --json, --threads and --debug."""
    return chain(
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option(
            "--threads", type=click.IntRange(1), expose_value=False, callback=_threads, help="Threads on the CPU."
        ),
        debug_option,
    )(function)


def timesteps(default: str) -> Function:
    """Add --timesteps, a list."""
    return click.option(
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


force = click.option("--force", is_flag=True, help="Overwrite an existing file.")
seed = click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything random.")
device = click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
placing = chain(
    device,
    click.option("--dtype", help="Type that synapses run in: float32, float64, float16 or bfloat16."),
    click.option("--batch-size", type=click.IntRange(1), help="Samples to run at a time."),
    seed,
)
dynamics = chain(
    click.option("--dynamics", help=f"What a spike can say: {DYNAMICS}."),
    setting("dynamics", "levels=8"),
    click.option("--schedule", help=f"Step size over time: {SCHEDULES}."),
    setting("schedule", "decay=0.9"),
    click.option("--delay", type=click.IntRange(0, 1), help="Steps that a spike is on its way: 0 or 1."),
)
structure = chain(
    click.option(
        "--neurons",
        type=click.Choice(["region", "elementwise"]),
        default="region",
        show_default=True,
        help="What a neuron may compute: a region of operators, or a scalar function of one or two operands.",
    ),
    click.option("--encoder", default="direct", show_default=True, help=f"Input coding: {ENCODERS}."),
)
running = chain(
    click.option("--executor", default="layer", show_default=True, help="How it is executed: layer, step or event."),
    dynamics,
    click.option("--encoder", help=f"Coding of spiking inputs: {ENCODERS}."),
    setting("encoder", "seed=1"),
)
speed = chain(
    click.option(
        "--early-exit",
        type=click.Choice(["settled", "stable"]),
        help="A sample leaves when nothing moves any more (settled), or when its top-1 stays the same (stable); at "
        "every later T it keeps the result that it left with.",
    ),
    click.option(
        "--stable-steps", type=click.IntRange(1), help="Steps that a stable top-1 has been the same for; by default 2."
    ),
    click.option("--exit-every", type=click.IntRange(1), help="Look every N steps who leaves; by default at each."),
    click.option("--cuda-graphs", is_flag=True, help="Replay a run as one CUDA graph; not with early exit."),
)
images = chain(
    click.option("--image-size", type=Size(), help="Size of images: cut from the centre. By default the model's."),
    click.option("--image-resize", type=click.IntRange(1), help="Length of the shorter side before the cut."),
    click.option(
        "--image-mean", type=Numbers("number,...", whole=False), default="0", help="Mean of each channel, subtracted."
    ),
    click.option(
        "--image-std",
        type=Numbers("number,...", whole=False),
        default="1",
        help="Deviation of each channel, divided by.",
    ),
    click.option(
        "--image-scale",
        type=float,
        default=1 / 255,
        help="What a pixel (0 to 255) is multiplied by before that; by default 1/255.",
    ),
    click.option("--image-layout", type=click.Choice(LAYOUTS), help="Where the channels are. By default the model's."),
    click.option("--image-channels", type=click.Choice(CHANNELS), default="rgb", show_default=True, help="Channels."),
)
