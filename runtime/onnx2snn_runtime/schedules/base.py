"""What a schedule is: a frozen dataclass that maps a time step t = 1, 2, ... to a step size."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Protocol

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
    """Return `cls(**options, **given)`; an option it does not have raises InputError with those it has."""
    known = [field.name for field in fields(cls) if field.name not in given]
    for name in options:
        if name not in known:
            raise InputError(f"the {what} has no option {name!r}: it has {', '.join(known) or 'none'}")
    return cls(**options, **given)
