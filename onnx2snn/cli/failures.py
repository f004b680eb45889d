"""Prints unexpected errors as one sentence, without control characters that a terminal would interpret."""

import errno
import sys
from collections.abc import Callable
from types import TracebackType

import click

from onnx2snn.cli import console
from onnx2snn.cli.options import DEBUG
from onnx2snn_runtime.errors import ModelError, Stage


class Printable:
    """Writes out the control characters in what click says of a wrong use."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, click.ClickException):
            vars(error)["message"] = console.printable(error.message)


class Foreign(Stage):
    """Lets what click raises pass, and tells what to do where the memory is used up."""

    def __init__(self, ctx: click.Context, options: Callable[[], set[str]]) -> None:
        super().__init__("onnx2snn")
        self.ctx = ctx
        self.options = options

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise the sentence."""
        mine = isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort)
        if mine or (isinstance(error, OSError) and error.errno == errno.EPIPE):  # nobody reads on: click ends quietly
            return
        if self.ctx.meta.get(DEBUG):
            return
        if isinstance(error, _memory_errors()) or "can't allocate memory" in str(error):
            raise ModelError(f"the memory is used up: {_advice(self.options())}") from error
        super().__exit__(kind, error, trace)


def _advice(options: set[str]) -> str:
    """Return which of the `options` of the command at work takes less memory."""
    lower = [name for name in ("--batch-size", "--samples") if name in options]
    return f"choose a smaller {lower[0]}" if lower else "take a machine with more of it, or a smaller model"


def _memory_errors() -> tuple[type[BaseException], ...]:
    torch = sys.modules.get("torch")
    return (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
