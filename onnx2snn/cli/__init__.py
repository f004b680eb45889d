"""The command line: one command a file, found by itself; a module here is a command if it has a `command`."""

import difflib
import importlib
import pkgutil
import sys
from typing import Any

import click

from onnx2snn.cli.options import DEBUG, debug_option
from onnx2snn.version import VERSION
from onnx2snn_runtime.errors import Onnx2SnnError

INTERRUPTED = 130


class Commands(click.Group):
    """The commands of this package, and what becomes of their errors: one sentence on stderr, and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted."""
        names = sorted(module.name for module in pkgutil.iter_modules(__path__))
        return [name for name in names if self.get_command(ctx, name) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of the module `cmd_name`, or None."""
        if cmd_name not in {module.name for module in pkgutil.iter_modules(__path__)}:
            return None
        found: click.Command | None = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), "command", None)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` name; for an unknown one, say which is near."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], known, n=1)
            ctx.fail(
                f"there is no command {args[0]!r}: " + (f"did you mean {near[0]!r}?" if near else ", ".join(known))
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with --debug errors keep their traceback."""
        try:
            return super().invoke(ctx)
        except Onnx2SnnError as error:
            _stop(ctx, error, str(error))
        except (RuntimeError, MemoryError) as error:
            if not isinstance(error, _memory_errors()):
                raise
            _stop(ctx, error, "the memory of the device is used up: choose a smaller --batch-size")
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


def _stop(ctx: click.Context, error: BaseException, sentence: str) -> None:
    if ctx.meta.get(DEBUG):
        raise error
    raise click.ClickException(sentence) from error


def _memory_errors() -> tuple[type[BaseException], ...]:
    torch = sys.modules.get("torch")
    return (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, message="onnx2snn %(version)s")
@debug_option
def main() -> None:
    """Turn a trained network exported to ONNX into a spiking network, without retraining, and run it."""
