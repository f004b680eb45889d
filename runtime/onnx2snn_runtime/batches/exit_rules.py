"""When samples leave a run early: the rules of `early_exit`, and what they cannot be combined with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.program.interpreter import Tensor

RULES = ("settled", "stable")


@dataclass(frozen=True)
class Exit:
    """When samples leave: the rule, for how many steps a top-1 is the same, and every how many steps to look."""

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
        self, settings: Settings, moving: Sequence[str], executor: str, recorded: Sequence[str], operations: bool
    ) -> None:
        """Raise InputError where a run cannot be left early."""
        if moving:
            raise InputError(f"the input {moving[0]!r} varies in time: early exit is for inputs that stand still")
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
        """Return how many steps to make after step `t`; before `stable_steps` nothing can be stable."""
        first = max(self.every, self.stable_steps) if self.rule == "stable" and t == 0 else self.every
        return min(first, last - t, largest or last)


def top_one(outputs: Mapping[str, Tensor], batch: int) -> Tensor:
    """Return the index of the largest value over the classes of the first float output, [batch, positions].

    Classes are axis 1 of an output of 2, 4 or 5 axes, else the last; without a float output it is the first as it is.
    """
    value = next((v for v in outputs.values() if v.is_floating_point()), next(iter(outputs.values())))
    if value.ndim == 0 or len(value) != batch or (value.is_floating_point() and value.ndim < 2):
        raise InputError(
            f"the output has the shape {tuple(value.shape)}, no classes for each of {batch} samples: "
            "choose early_exit='settled'"
        )
    if value.is_floating_point():
        value = value.argmax(1 if value.ndim in (2, 4, 5) else -1)
    return value.reshape(batch, -1)
