"""Checks of the values of settings against the types that their dataclasses declare."""

import types
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from onnx2snn_runtime.errors import InputError

_KINDS: dict[Any, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a text"),
    Mapping: (Mapping, "values by name"),
}
"""What a declared type takes, and how a message names that."""


def check_values(settings: Any) -> None:
    """Make the fields of the frozen dataclass `settings` plain Python values; an ill-typed one raises InputError.

    Values become what JSON gives back (no numpy, lists for tuples), so that a record of them is equal to them; a
    mapping is copied, None stands for an empty one.
    """
    for name, hint in get_type_hints(type(settings)).items():
        object.__setattr__(settings, name, _plain(name, getattr(settings, name), hint))


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InputError where `value` is none of the `choices` for the setting `name`."""
    if value not in choices:
        raise InputError(f"there is no choice {value!r} for {name}: choose {', '.join(choices)}")


def _plain(name: str, value: Any, hint: Any) -> Any:
    value = _unwrapped(value)
    if isinstance(hint, types.UnionType):
        if value is None and types.NoneType in get_args(hint):
            return None
        hint = get_args(hint)[0]
    kind = get_origin(hint) or hint
    if kind is Mapping and value is None:
        return {}
    accepted, words = _KINDS.get(kind, (object, ""))
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind in (int, float)):
        raise InputError(f"{name} is {value!r}: give {words}")
    return value


def _unwrapped(value: Any) -> Any:
    """Return `value` as JSON gives it back: without numpy, with lists for tuples, all the way down."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _unwrapped(inner) for key, inner in value.items()}
    return [_unwrapped(inner) for inner in value] if isinstance(value, list | tuple) else value
