"""The command line: one command a file, found by itself; a module here is a command if it has a `command`."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import click

from onnx2snn.cli import console
from onnx2snn.cli.common import DEBUG, debug_option
from onnx2snn.cli.failures import Foreign, Printable
from onnx2snn.cli.warned import showing_warnings
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

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of the options before the command; what click says of them is printable."""
        console.open_streams()
        with Printable():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; any error becomes one sentence, with --debug it keeps its traceback."""
        try:
            with Printable(), showing_warnings(), Foreign(ctx, self._options(ctx)):
                return super().invoke(ctx)
        except Onnx2SnnError as error:
            if ctx.meta.get(DEBUG):
                raise
            console.error(str(error))
            ctx.exit(1)
        except KeyboardInterrupt:
            console.note("Interrupted.")
            ctx.exit(INTERRUPTED)

    def _options(self, ctx: click.Context) -> Callable[[], set[str]]:
        """Return a function that gives the options of the command at work."""

        def options() -> set[str]:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            return {name for parameter in (command.params if command else ()) for name in parameter.opts}

        return options


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, message="onnx2snn %(version)s")
@debug_option
def main() -> None:
    """Turn a trained network exported to ONNX into a spiking network, without retraining, and run it."""
