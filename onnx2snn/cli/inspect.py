"""onnx2snn inspect: how each node of a network would be converted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onnx2snn.cli import console, options
from onnx2snn.settings.conversion import changed

if TYPE_CHECKING:
    from onnx2snn.evaluation.inspection import Inspection


@click.command(short_help="Show what becomes of every node.")
@click.argument("model", type=click.Path(path_type=Path))
@options.structure
@options.ports
@options.common
@click.pass_context
def command(ctx: click.Context, model: Path, as_json: bool, **given: Any) -> None:
    """Show the kind of every node of MODEL, an ONNX file or a spiking IR file, and each kind's share of the work.

    The exit code is 1 where something in it cannot be converted; all of that is listed.
    """
    from onnx2snn.evaluation.inspection import inspect_model

    found = inspect_model(model, **given)
    if as_json:
        console.print_json(found)
    else:
        show(found)
    for sentence in found.refusals:
        console.error(sentence)
    if found.refusals:
        ctx.exit(1)


def show(found: "Inspection") -> None:
    """Print the nodes, then the shares of the kinds."""
    console.say(f"{found.model}: " + ("a spiking network" if found.is_ir else "a plain network"))
    for word, ports in (("input", found.inputs), ("output", found.outputs)):
        for name, text in ports.items():
            axis = found.batch_axes.get(name)
            console.say(f"{word} {name}: {text}" + (f", {axis}" if axis else ""))
    if found.settings:
        chosen = ", ".join(f"{name} {value}" for name, value in changed(found.settings).items())
        console.say(f"converted with: {chosen or 'the defaults'}")
    rows = [
        [
            node.name,
            node.op_type,
            node.kind,
            node.population,
            node.note,
            None if node.macs is None else f"{node.macs:,}",
        ]
        for node in found.nodes
    ]
    if not rows:
        return
    console.table(["node", "operator", "kind", "population", "note", "multiply-adds"], rows, text=5)
    console.say("")
    shares = [
        [kind, console.percent(share["nodes"]), console.percent(share["macs"])] for kind, share in found.shares.items()
    ]
    console.table(["kind", "of nodes", "of multiply-adds"], shares)
    nothing = "" if found.populations else ": there is nothing to convert"
    console.say(f"{found.populations} populations of neurons{nothing}")
