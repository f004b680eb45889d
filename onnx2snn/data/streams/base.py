"""What a stream of samples is: so many samples, in an order that never changes, of which any few can be read."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from onnx2snn.data.arrays import Samples
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.batch import BatchAxes

SAMPLINGS = ("first", "spread", "random")


class Stream(ABC):
    """Samples that are read when they are asked for; `where` names their source in messages.

    `drawing` is how a few of them are taken where nobody says how, one of SAMPLINGS. A stream can be pickled: another
    process, or another machine that has the same files, reads the same samples from it.
    """

    where: str = ""
    drawing: str = "first"

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def read(self, places: Sequence[int]) -> Samples:
        """Return the samples at `places`, ascending; what cannot be read raises InputError."""

    def names(self) -> list[str] | None:
        """Return what the samples are called, such as their paths, where they have names."""
        return None


class InMemory(Stream):
    """Samples that are arrays already."""

    def __init__(self, samples: Samples, axes: BatchAxes, where: str = "the data") -> None:
        self.samples, self.axes, self.where = samples, axes, where
        self.count = axes.count({name: value.shape for name, value in samples.inputs.items()})

    def __len__(self) -> int:
        return self.count

    def read(self, places: Sequence[int]) -> Samples:
        """Return views where the places follow each other, copies elsewhere."""
        labels = self.samples.labels
        if len(places) == self.count or self.axes.joint:
            return Samples(self.samples.inputs, None if labels is None else labels[: self.count], self.count)
        inputs = {name: _taken(value, places, self.axes.along(name, value.ndim)) for name, value in self._inputs()}
        return Samples(inputs, None if labels is None else _taken(labels, places, 0), len(places))

    def _inputs(self) -> list[tuple[str, np.ndarray]]:
        return [(name, np.asanyarray(value)) for name, value in self.samples.inputs.items()]


class Subset(Stream):
    """Some of the samples of another stream."""

    def __init__(self, stream: Stream, places: np.ndarray) -> None:
        self.stream, self.places = stream, places
        self.where = stream.where

    def __len__(self) -> int:
        return len(self.places)

    def read(self, places: Sequence[int]) -> Samples:
        """Return the samples at `places` of the subset."""
        return self.stream.read([int(self.places[place]) for place in places])


class Labelled(Stream):
    """The samples of another stream with labels of their own."""

    def __init__(self, stream: Stream, labels: np.ndarray) -> None:
        self.stream, self.labels = stream, labels
        self.where, self.drawing = stream.where, stream.drawing

    def __len__(self) -> int:
        return len(self.stream)

    def read(self, places: Sequence[int]) -> Samples:
        """Return the samples at `places`, with these labels."""
        found = self.stream.read(places)
        return Samples(found.inputs, self.labels[list(places)], found.count)


def drawn(stream: Stream, limit: int | None, sampling: str | None = None, seed: int = 0) -> Stream:
    """Return `limit` samples of `stream`: the first ones, some spread evenly over it, or some drawn with `seed`.

    By default they are taken as the stream's `drawing` says; in their order in any case.
    """
    how = sampling or stream.drawing
    if how not in SAMPLINGS:
        raise InputError(f"samples cannot be taken {how!r}: choose among {', '.join(SAMPLINGS)}")
    if limit is None or limit >= len(stream):
        return stream
    if how == "first":
        return Subset(stream, np.arange(limit))
    if how == "spread":
        return Subset(stream, np.linspace(0, len(stream) - 1, limit).round().astype(int))
    return Subset(stream, np.sort(np.random.default_rng(seed).choice(len(stream), limit, replace=False)))


def batch_places(stream: Stream, size: int, axes: BatchAxes) -> list[range]:
    """Return the places of every batch of at most `size` samples, or of what the network insists on, in order."""
    total = len(stream)
    limit = axes.most(size, total)
    if limit < 1:
        raise InputError(f"the batch size is {limit}: give 1 or more samples")
    return [range(start, min(start + limit, total)) for start in range(0, total, limit)]


def for_the_network(samples: Samples, axes: BatchAxes) -> dict[str, Any]:
    """Return the inputs of one batch as the network takes them: a single one without the axis that it was read with."""
    inputs, _ = next(axes.split(samples.inputs, samples.count))
    return inputs


def places_by_part(places: Sequence[int], ends: np.ndarray) -> Iterator[tuple[int, list[int]]]:
    """Yield (part, places within it) for `places` in what is strung together of parts; `ends` are where they end."""
    parts = np.searchsorted(ends, np.asarray(places), side="right")
    for part in dict.fromkeys(parts.tolist()):
        begin = int(ends[part - 1]) if part else 0
        yield part, [place - begin for place, own in zip(places, parts, strict=True) if own == part]


def _taken(value: np.ndarray, places: Sequence[int], axis: int | None) -> np.ndarray:
    if axis is None:
        return value
    if isinstance(places, range) and places.step == 1:
        return value[(slice(None),) * axis + (slice(places.start, places.stop),)]
    return np.take(value, places, axis)
