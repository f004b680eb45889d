"""The options of every command: --json, --threads and --debug."""

import os

import click

from onnx2snn.cli.sections import Function, chain, option, section

DEBUG = "onnx2snn.debug"


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


debug_option = option(
    "--debug", is_flag=True, is_eager=True, expose_value=False, callback=_debug, help="Show tracebacks of errors."
)


def common(function: Function) -> Function:
    """Add --json, --threads and --debug."""
    return chain(
        section("Output", option("--json", "as_json", is_flag=True, help="Print one JSON object.")),
        section(
            "Machine",
            option(
                "--threads", type=click.IntRange(1), expose_value=False, callback=_threads, help="Threads on the CPU."
            ),
        ),
        debug_option,
    )(function)
