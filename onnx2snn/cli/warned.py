"""Prints warnings like errors: one sentence on stderr, without the line of code that issued it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from onnx2snn.cli import console
from onnx2snn_runtime.errors import Onnx2SnnWarning


@contextmanager
def showing_warnings() -> Iterator[None]:
    """Context manager in which an Onnx2SnnWarning is printed by the console; other warnings are Python's."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, Onnx2SnnWarning):
                console.warn(str(message))
            else:
                shown(message, category, *where, **more)

        warnings.showwarning = show
        warnings.simplefilter("default", Onnx2SnnWarning)
        yield
