"""Settings of the search of `tune`: targets, bounds and time budget."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from onnx2snn.settings.payload import PAYLOADS
from onnx2snn.settings.unknown import unknown
from onnx2snn.settings.values import check_choice, check_values
from onnx2snn_runtime.errors import InputError


@dataclass(frozen=True)
class SearchSettings:
    """What a search of settings is to reach, within which bounds, and for how long.

    `target_agreement` is the share of top-1 answers to have in common with the plain network, `target_error` the
    relative error of the output to reach; without either the least error is looked for. `timesteps` (None: the model's
    own) and `max_events` a neuron bound what is tried, `budget` the seconds that it takes; `seed` draws the samples.
    With `payload`, one of those of a conversion or "all", the frontier shows what others would cost. What makes no
    sense raises InputError.
    """

    target_agreement: float | None = None
    target_error: float | None = None
    timesteps: int | None = None
    max_events: float | None = None
    budget: float = 120.0
    seed: int = 0
    payload: str | None = None

    def __post_init__(self) -> None:
        check_values(self)
        if self.payload is not None:
            check_choice("payload", self.payload, ("all", *PAYLOADS))
        if self.timesteps is not None and self.timesteps < 1:
            raise InputError(f"timesteps is {self.timesteps}: give 1 or more")
        if self.target_agreement is not None and not 0 < self.target_agreement <= 1:
            raise InputError(f"the target agreement is {self.target_agreement:g}: give a share above 0 and up to 1")
        for name, value in (("target error", self.target_error), ("bound of events", self.max_events)):
            if value is not None and not value > 0:
                raise InputError(f"the {name} is {value:g}: give a number above 0")
        if not self.budget > 0:
            raise InputError(f"the budget is {self.budget:g} s: give a number above 0")


class SearchKeywords(TypedDict, total=False):
    """The keywords of `tune`, with the types that a type checker holds callers to."""

    target_agreement: float | None
    target_error: float | None
    timesteps: int | None
    max_events: float | None
    budget: float
    seed: int
    payload: str | None


def collect_search(settings: SearchSettings | None, keywords: Mapping[str, Any]) -> SearchSettings:
    """Return the settings that `settings` or `keywords` ask for; unknown or contradictory ones raise InputError."""
    known = [f.name for f in fields(SearchSettings)]
    for name in keywords:
        if name not in known:
            raise InputError(unknown("a search has no setting", name, known))
    made = SearchSettings(**keywords)
    if settings is None:
        return made
    if not isinstance(settings, SearchSettings):
        raise InputError(f"settings is {settings!r}: give an object of SearchSettings")
    for name in keywords:
        before, value = getattr(settings, name), getattr(made, name)
        if before != value:
            raise InputError(f"{name} is {before!r} in settings and {value!r} in a keyword of its own: give it once")
    return settings
