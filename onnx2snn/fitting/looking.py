"""Where the trials of a search are run: one after the other in this process, or several at a time somewhere else."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from onnx2snn.fitting.candidates import Setting
from onnx2snn.fitting.trials import Point, Tuner

Looks = Callable[[Iterable[Setting], slice], Iterator[tuple[Setting, list[Point]]]]
"""Yields settings with their points, in the order of the settings; a setting is drawn when there is room to try it."""


class Trials(Protocol):
    """Gives, for the time of a search, what tries settings out for a `Tuner` on its samples."""

    def __call__(self, tuner: Tuner) -> AbstractContextManager[Looks]:
        """Return the context manager; what it needs elsewhere lives as long."""


def here(tuner: Tuner) -> AbstractContextManager[Looks]:
    """Try settings in this process, one after the other."""

    def looks(settings: Iterable[Setting], samples: slice) -> Iterator[tuple[Setting, list[Point]]]:
        return ((setting, tuner.look(setting, samples)) for setting in settings)

    return nullcontext(looks)
