"""onnx2snn compare: evaluates two spiking networks, or one with two settings, on the same data."""

from pathlib import Path
from typing import Any

import click

from onnx2snn.cli import console, options
from onnx2snn.cli.evaluate import figures
from onnx2snn.cli.parameters import Setting
from onnx2snn_runtime.errors import InputError

_PATH = click.Path(path_type=Path)
_PLAIN = ("dynamics", "schedule", "encoder", "executor", "dtype", "device")
_NESTED = ("dynamics", "schedule", "encoder")
_SHOWN = (
    ("agreement", console.percent),
    ("relative_error", console.percent),
    ("accuracy", console.percent),
    ("events_per_neuron", console.number),
    ("synaptic_operations", console.number),
)


@click.command(cls=options.Command, short_help="Compare two spiking networks or settings.")
@click.argument("first", type=_PATH)
@click.argument("second", type=_PATH, required=False)
@options.section(
    "Comparison",
    options.option(
        "--with",
        "changes",
        type=Setting(),
        multiple=True,
        help="A setting of the second alone, such as dynamics=signgd or schedule.decay=0.9.",
    ),
)
@options.data
@options.section("Run", options.timesteps("1,2,4,8"), options.executor, options.seed)
@options.overrides
@options.images
@options.placing
@options.common
def command(
    first: Path,
    second: Path | None,
    changes: tuple[tuple[str, Any], ...],
    data: Path,
    timesteps: tuple[int, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Compare FIRST with SECOND, both spiking IR files, or FIRST with itself under other settings (--with)."""
    if second is None and not changes:
        raise click.UsageError("there is nothing to compare with: give a second file, or --with KEY=VALUE")
    changed = changed_options(given, changes)
    label = " ".join([str(second or first), *(f"{key}={value}" for key, value in changes)])
    left = figures(first, data, timesteps, given) | {"label": str(first)}
    right = figures(second or first, data, timesteps, changed) | {"label": label}
    if as_json:
        console.print_json({"first": left, "second": right})
        return
    show(left, right)


def changed_options(given: dict[str, Any], changes: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Return the options with `changes`; NAME.KEY is a setting of the dynamics, schedule or encoder."""
    changed = dict(given)
    for name in _NESTED:
        if name in dict(changes):  # settings of another dynamics do not go with it
            changed[f"{name}_options"] = ()
    for key, value in changes:
        name, dot, inner = key.partition(".")
        if dot and name in _NESTED:
            changed[f"{name}_options"] = (*changed[f"{name}_options"], (inner, value))
        elif not dot and name in _PLAIN:
            changed[name] = str(value)
        else:
            known = ", ".join([*_PLAIN, *(f"{name}.KEY" for name in _NESTED)])
            raise InputError(f"--with knows no setting {key!r}: it knows {known}")
    return changed


def show(left: dict[str, Any], right: dict[str, Any]) -> None:
    """Print both networks, one below the other at every T, a column a figure."""
    for mark, side in (("A", left), ("B", right)):
        accuracy = console.percent(side["ann"]["accuracy"])
        console.say(f"{mark}: {side['label']}" + (f" (plain network {accuracy})" if accuracy else ""))
    rows = [
        [t, mark, *(form(side["timesteps"][t][name]) for name, form in _SHOWN)]
        for t in left["timesteps"]
        for mark, side in (("A", left), ("B", right))
    ]
    console.table(["T", "", *(name.replace("_", " ") for name, _ in _SHOWN)], rows, text=2)
