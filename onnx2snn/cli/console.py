"""The output of the commands; the only module that imports rich.

Results go to stdout; progress, warnings and errors to stderr. In a pipe there are neither bars nor colours. Names come
from files that anybody may have written: no control character of theirs reaches a terminal.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from onnx2snn_runtime.errors import CONTROL, printable

PIPE_WIDTH = 160
PATIENCE = 1.0
"""Seconds of work before a bar is shown."""


def open_streams() -> None:
    """Send what is printed nowhere where the streams of the process were closed before it began."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - as long as the process lives


def say(text: str) -> None:
    """Print a line of the result."""
    _print(sys.stdout, text)


def error(text: str) -> None:
    """Print an error."""
    _print(sys.stderr, f"Error: {text}")


def warn(text: str) -> None:
    """Print a warning, loudly."""
    _print(sys.stderr, f"WARNING: {text}", style="bold red")


def note(text: str) -> None:
    """Print to stderr what is neither a result nor an error."""
    _print(sys.stderr, text)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], text: int = 1, head: bool = True) -> None:
    """Print a table whose first `text` columns hold text, the others numbers; None is a dash.

    Without `head` it goes on from one of the same columns.
    """
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold", show_header=head)
    for i, name in enumerate(columns):
        said, width = _said(name, sys.stdout), None if head else len(name)
        made.add_column(said, justify="left" if i < text else "right", overflow="fold", min_width=width)
    for row in rows:
        made.add_row(*("-" if cell is None else _said(str(cell), sys.stdout) for cell in row))
    _console(sys.stdout).print(made)


def print_json(value: Any) -> None:
    """Print `value` (dataclasses, arrays and numbers included) as one JSON object; what is not finite is null."""
    lines = json.dumps(plain(value), indent=2, ensure_ascii=False).split("\n")
    text = "\n".join(CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in lines)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(plain(value), indent=2)
    sys.stdout.write(text + "\n")


def plain(value: Any) -> Any:
    """Return `value` as JSON can say it."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Give a function (stage, share done) that moves a bar; the bar appears after a second, on terminals alone."""
    console = _console(sys.stderr)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task, begun = bar.add_task("", total=1.0), time.monotonic()

    def move(stage: str, share: float) -> None:
        bar.update(task, description=printable(stage), completed=share)
        if not bar.live.is_started and time.monotonic() - begun > PATIENCE:
            bar.start()

    try:
        yield move
    finally:
        bar.stop()


def percent(share: float | None) -> str | None:
    """Return a share as text, such as 97.5 %."""
    return None if share is None else f"{100 * share:.2f} %"


def number(value: float | None, digits: int = 4) -> str | None:
    """Return a number as text of `digits` significant digits."""
    return None if value is None else f"{value:.{digits}g}"


def _print(stream: TextIO, text: str, style: str | None = None) -> None:
    _console(stream).print(_said(text, stream), style=style, soft_wrap=True)


def _said(text: str, stream: TextIO) -> str:
    """Return `text` as `stream` can say it: printable, and in its encoding."""
    encoding = stream.encoding or "utf-8"
    return printable(text).encode(encoding, "backslashreplace").decode(encoding)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
