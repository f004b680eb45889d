"""The options of every command: --json, --threads and --debug."""

import os
import sys

import click

from onnx2snn.cli.sections import Function, chain, option, section

DEBUG = "onnx2snn.debug"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[DEBUG] = True


def _threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    """Bound the threads of torch and onnxruntime, which look at the environment; of a torch that has looked, too."""
    if value is None:
        return
    torch, before = sys.modules.get("torch"), {name: os.environ.get(name) for name in _THREADS}
    threads = torch.get_num_threads() if torch else 0
    os.environ.update(dict.fromkeys(_THREADS, str(value)))
    if torch:
        torch.set_num_threads(value)

    def restore() -> None:
        if torch:
            torch.set_num_threads(threads)
        for name, text in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if text is None else {name: text})

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
