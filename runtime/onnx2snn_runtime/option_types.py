"""The types of a run's options: a value of another type is refused by name before anything is done with it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onnx2snn_runtime.errors import InputError


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_names(value: Any) -> bool:
    sequence = isinstance(value, Sequence) and not isinstance(value, bytes)
    return isinstance(value, str) or (sequence and all(isinstance(item, str) for item in value))


def _is_options(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


_TEXT = ("a text", lambda value: isinstance(value, str))
_WHOLE = ("a whole number", _is_whole)
_VALUES = ("values by name", _is_options)
_KINDS = {
    "probes": ("a name or several", _is_names),
    "executor": _TEXT,
    "operations": ("True or False", lambda value: isinstance(value, bool)),
    "batch_size": _WHOLE,
    "max_memory": _WHOLE,
    "early_exit": _TEXT,
    "stable_steps": _WHOLE,
    "exit_every": _WHOLE,
    "dynamics": _TEXT,
    "dynamics_options": _VALUES,
    "schedule": _TEXT,
    "schedule_options": _VALUES,
    "encoder": _TEXT,
    "encoder_options": _VALUES,
    "delay": _WHOLE,
    "coarse": _WHOLE,
    "margin": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}
_NEEDED = ("probes", "executor", "operations", "stable_steps", "exit_every", "delay")
"""These cannot be None; None leaves the others as they are."""


def check_types(options: Mapping[str, Any]) -> None:
    """Raise InputError for an option whose value is of a type that it does not take."""
    for name, value in options.items():
        words, fits = _KINDS.get(name, ("", lambda value: True))
        if not fits(value) and (value is not None or name in _NEEDED):
            raise InputError(f"{name} is {value!r}: give {words}")
