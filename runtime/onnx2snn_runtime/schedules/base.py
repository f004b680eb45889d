"""The interface of schedules: a frozen dataclass that maps a time step t = 1, 2, ... to a step size."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple, Protocol

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.registry import Registry


class Schedule(Protocol):
    """A step size over time."""

    def __call__(self, t: int) -> float:
        """Return the step size at time step t >= 1, a fraction of the population's scale."""
        ...


SCHEDULES: Registry[type[Schedule]] = Registry("schedule", "onnx2snn_runtime.schedules")


def make_schedule(name: str, options: Mapping[str, float] | None = None) -> Schedule:
    """Return the schedule `name` with `options`; an unknown option raises InputError."""
    return construct(SCHEDULES[name], f"schedule {name!r}", options or {})


def construct(cls: type[Any], what: str, options: Mapping[str, Any], **given: Any) -> Any:
    """Return `cls(**options, **given)`; an option it does not have, or of another type, raises InputError."""
    known = {field.name: field for field in fields(cls) if field.name not in given}
    for name, value in options.items():
        if name not in known:
            raise InputError(f"the {what} has no option {name!r}: it has {', '.join(known) or 'none'}")
        kind = next(k for k in _KINDS if k.fits(known[name].default))
        if not kind.fits(value):
            raise InputError(f"the option {name!r} of the {what} is {value!r}: give {kind.words}")
    return cls(**options, **given)


class _Kind(NamedTuple):
    """A kind of option values, determined by the type of the option's default."""

    words: str
    types: tuple[type, ...]

    def fits(self, value: Any) -> bool:
        """Return whether `value` is of this kind; true and false are no numbers."""
        return isinstance(value, self.types) and (bool in self.types or not isinstance(value, bool))


_KINDS = (
    _Kind("true or false", (bool,)),
    _Kind("a number", (int, float)),
    _Kind("a text", (str,)),
    _Kind("a list of numbers", (tuple, list)),
    _Kind("something else", (object, bool)),
)
