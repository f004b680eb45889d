"""Settings of the fitting to sequences of frames: what is to be kept to, and how long it may take."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from onnx2snn.settings.unknown import unknown
from onnx2snn.settings.values import check_values
from onnx2snn_runtime.errors import InputError

USUAL_ERROR = 0.02


@dataclass(frozen=True)
class SequenceSettings:
    """What a stream is to keep to, beside the plain network frame by frame, and how it is looked for.

    `target_error` is the relative error of the outputs of all frames, `target_agreement` the share of frames with the
    same top-1; without either it is an error of .02. `timesteps` are the time steps a frame at most, `budget` the
    seconds that the search may take. What makes no sense raises InputError.
    """

    target_error: float | None = None
    target_agreement: float | None = None
    timesteps: int = 3
    budget: float = 120.0

    def __post_init__(self) -> None:
        check_values(self)
        if self.target_error is not None and not self.target_error > 0:
            raise InputError(f"the target error is {self.target_error:g}: give a number above 0")
        if self.target_agreement is not None and not 0 < self.target_agreement <= 1:
            raise InputError(f"the target agreement is {self.target_agreement:g}: give a share above 0 and up to 1")
        if self.timesteps < 1:
            raise InputError(f"timesteps is {self.timesteps}: give 1 or more a frame")
        if not self.budget > 0:
            raise InputError(f"the budget is {self.budget:g} s: give a number above 0")

    @property
    def error(self) -> float | None:
        """The error to keep to: the usual one where nothing was asked for."""
        return USUAL_ERROR if self.target_error is None and self.target_agreement is None else self.target_error


class SequenceKeywords(TypedDict, total=False):
    """The keywords of `tune_stream`, with the types that a type checker holds callers to."""

    target_error: float | None
    target_agreement: float | None
    timesteps: int
    budget: float


def collect_sequences(keywords: Mapping[str, Any]) -> SequenceSettings:
    """Return the settings that `keywords` ask for; an unknown one raises InputError."""
    known = [f.name for f in fields(SequenceSettings)]
    for name in keywords:
        if name not in known:
            raise InputError(unknown("a search on sequences has no setting", name, known))
    return SequenceSettings(**keywords)
