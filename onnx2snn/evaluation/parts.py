"""What an evaluation keeps of a batch: sums, which are added up batch by batch and can be written as JSON.

The figures of a data set are those of its parts, merged in the order of the batches: one process, several workers and
an evaluation that was interrupted add the same numbers in the same order, and give the same bits.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from onnx2snn.evaluation.comparison import Comparison
from onnx2snn_runtime.probing.operations import LayerOperations, Operations, summed


@dataclass
class Part:
    """The sums over some samples.

    `runs` are the operations by time steps, `plain` those of the plain network, none where they are not counted.
    `nan` counts samples that hold a NaN, by input; `saturated` the shares of neurons beyond their scale, by population,
    times the samples; `warned` is the first warning of an output that is NaN.
    """

    samples: int
    comparison: Comparison
    plain: Operations | None = None
    runs: dict[int, Operations] = field(default_factory=dict)
    nan: dict[str, int] = field(default_factory=dict)
    saturated: dict[str, float] = field(default_factory=dict)
    warned: str = ""

    def merge(self, other: "Part") -> "Part":
        """Add what came of further samples, and return the sum."""
        self.samples += other.samples
        self.comparison.merge(other.comparison)
        if self.plain is not None and other.plain is not None:
            self.plain = summed([self.plain, other.plain])
        self.runs = {t: summed([run, other.runs[t]]) for t, run in self.runs.items()}
        self.nan = {name: self.nan.get(name, 0) + other.nan.get(name, 0) for name in self.nan | other.nan}
        names = self.saturated | other.saturated
        self.saturated = {n: self.saturated.get(n, 0.0) + other.saturated.get(n, 0.0) for n in names}
        self.warned = self.warned or other.warned
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return the sums as JSON holds them, to the last bit."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Part":
        """Return what `as_dict` gave."""
        made = dict(values)
        made["comparison"] = Comparison.from_dict(values["comparison"])
        made["plain"] = None if values["plain"] is None else _operations(values["plain"])
        made["runs"] = {int(t): _operations(run) for t, run in values["runs"].items()}
        return cls(**made)


class Accumulator:
    """Merges parts in the order of their batches, whatever order they come in: `done` batches are in `total`."""

    def __init__(self, total: Part | None = None, done: int = 0, waiting: dict[int, Part] | None = None) -> None:
        self.total, self.done = total, done
        self.waiting: dict[int, Part] = waiting or {}

    def add(self, number: int, part: Part) -> None:
        """Take the part of the batch `number`; it is merged once all before it are."""
        self.waiting[number] = part
        while self.done in self.waiting:
            following = self.waiting.pop(self.done)
            self.total = following if self.total is None else self.total.merge(following)
            self.done += 1

    @property
    def samples(self) -> int:
        """The samples of all batches that came."""
        return sum(part.samples for part in (*self.waiting.values(), *([self.total] if self.total else [])))

    def missing(self, batches: int) -> list[int]:
        """Return the numbers of the batches, of so many, that have not come."""
        return [number for number in range(self.done, batches) if number not in self.waiting]


def _operations(values: Mapping[str, Any]) -> Operations:
    layers = tuple(LayerOperations(**layer) for layer in values["layers"])
    return Operations(**{**values, "layers": layers})
