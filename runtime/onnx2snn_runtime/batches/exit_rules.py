"""The rules of `early_exit`: when a sample stops, and which options exclude early exit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.program.interpreter import Tensor

RULES = ("settled", "stable")


@dataclass(frozen=True)
class EarlyExit:
    """An early-exit rule.

    rule          "settled" or "stable", see `early_exit`
    stable_steps  steps that the top-1 must stay the same for the rule "stable"
    every         steps between two checks
    """

    rule: str
    stable_steps: int = 2
    every: int = 1

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise InputError(f"there is no early exit {self.rule!r}: choose {' or '.join(RULES)}")
        if self.stable_steps < 1 or self.every < 1:
            raise InputError(
                f"stable_steps is {self.stable_steps} and exit_every {self.every}: give whole numbers from 1 on"
            )

    def check(
        self, settings: Settings, varying: Sequence[str], executor: str, recorded: Sequence[str], operations: bool
    ) -> None:
        """Raise InputError for a run that early exit does not support."""
        if varying:
            raise InputError(f"the input {varying[0]!r} varies in time: early exit is for inputs that stand still")
        if executor == "event":
            raise InputError("the executor 'event' runs to the end: choose layer or step for early exit")
        if recorded:
            raise InputError(f"the probe {recorded[0]!r} records every sample at every step: leave early exit out")
        if operations and settings.dynamics.payload != "change":
            raise InputError(
                "operations of dynamics whose receivers filter are counted to the end: leave one of both out"
            )
        if self.rule != "settled":
            return
        for what, moves in (("dynamics", settings.dynamics), ("encoder", settings.encoder)):
            if moves is not None and not moves.settles:
                name = type(moves).__name__
                raise InputError(f"the {what} {name} never settles: choose early_exit='stable', or differential")

    def chunk(self, t: int, last: int, largest: int) -> int:
        """Return how many steps to make after step `t` before the next check; none before `stable_steps` is useful."""
        first = max(self.every, self.stable_steps) if self.rule == "stable" and t == 0 else self.every
        return min(first, last - t, largest or last)


def top_one(outputs: Mapping[str, Tensor], batch: int, axes: BatchAxes) -> Tensor:
    """Return the argmax over the class axis of the first float output, [batch, positions].

    The class axis is axis 1 of an output with 2, 4 or 5 axes, else the last. Without a float output, the first output
    holds the classes.
    """
    value = _answer(outputs, batch, axes)
    if value.ndim == 0 or len(value) != batch or (value.is_floating_point() and value.ndim < 2):
        raise InputError(
            f"the output has the shape {tuple(value.shape)}, no classes for each of {batch} samples: "
            "choose early_exit='settled'"
        )
    if value.is_floating_point():
        value = value.argmax(_class_axis(value))
    return value.reshape(batch, -1)


def margins(outputs: Mapping[str, Tensor], batch: int, axes: BatchAxes) -> Tensor:
    """Return how far the largest class lies above the second one, the least of all positions, [batch].

    The classes are those of `top_one`; an output without two of them raises InputError.
    """
    value = _answer(outputs, batch, axes)
    classes = _class_axis(value) if value.ndim else 0
    if not value.is_floating_point() or value.ndim < 2 or len(value) != batch or value.shape[classes] < 2:
        raise InputError(
            f"the output has the shape {tuple(value.shape)}, no classes for each of {batch} samples, so that no margin "
            "says how sure it is: leave coarse out"
        )
    best = value.topk(2, classes).values
    return (best.select(classes, 0) - best.select(classes, 1)).reshape(batch, -1).amin(1)


def _answer(outputs: Mapping[str, Tensor], batch: int, axes: BatchAxes) -> Tensor:
    """Return the output with the classes, its samples along the first axis."""
    name = next((name for name, v in outputs.items() if v.is_floating_point()), next(iter(outputs)))
    return _samples_first(outputs[name], name, batch, axes)


def _class_axis(value: Tensor) -> int:
    return 1 if value.ndim in (2, 4, 5) else value.ndim - 1


def _samples_first(value: Tensor, name: str, batch: int, axes: BatchAxes) -> Tensor:
    axis = axes.outputs.get(name)
    if axis is None and batch == 1 and (axes.single or (axes.size == 1 and name in axes.outputs)):
        return value[None]
    return value.movedim(axis, 0) if isinstance(axis, int) and axis else value
