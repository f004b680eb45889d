"""onnxruntime, imported when something of it is first asked for: much of what is refused never needs it."""

import functools
import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """Return what onnxruntime has under `name`."""
    return getattr(importlib.import_module("onnxruntime"), name)


@functools.cache
def errors(*besides: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the kinds of errors that onnxruntime raises, and those `besides`; `except` asks once there is an error."""
    states = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    kinds = (kind for kind in vars(states).values() if isinstance(kind, type) and issubclass(kind, Exception))
    return (*besides, *kinds)
