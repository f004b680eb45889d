"""Probes of populations; a run without probes has no overhead from them.

events    number of spikes sent, int64 [T] per population
rates     spikes per neuron and sample, float [T] per population
spikes    the spikes sent, [T, batch, ...] per population
values    the estimates v, likewise
errors    f(x) - v after the step, likewise
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.real_samples import real_samples

Reader = Callable[[Tensor, State, Tensor], Tensor]

READERS: dict[str, Reader] = {
    "spikes": lambda spike, state, target: spike,
    "values": lambda spike, state, target: state.v,
    "errors": lambda spike, state, target: target - state.v,
}
PROBES = ("events", "rates", *READERS)


def check_probes(names: "list[str] | tuple[str, ...]") -> None:
    """Raise InputError for an unknown probe."""
    for name in names:
        if name not in PROBES:
            raise InputError(f"there is no probe {name!r}: there are {', '.join(PROBES)}")


@dataclass
class EventCounter(Probe):
    """Counts the events of every population at every step, on the device.

    In a `batch` that is padded to its fixed size only the first `samples` count; a `batch` of 0 has no padding.
    """

    samples: int
    batch: int = 0
    counts: dict[str, list[Tensor]] = field(default_factory=dict)
    """By population, int64 [T] in pieces."""
    neurons: dict[str, int] = field(default_factory=dict)

    @property
    def needs_spikes(self) -> bool:
        """Whether the batch has padding, whose spikes must not be counted."""
        return self.samples < self.batch

    def count(self, item: Population, t: int, events: Tensor, like: Tensor) -> None:
        """Add `events` to the counts of `item`."""
        self.counts.setdefault(item.name, []).append(events)
        self.neurons.setdefault(item.name, like.numel() // max(1, self.samples, self.batch))  # before samples leave

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Count the spikes that `item` sent."""
        events = torch.count_nonzero(real_samples(spike, self.samples, self.batch))
        self.counts.setdefault(item.name, []).append(events.reshape(1))
        self.neurons.setdefault(item.name, spike.numel() // max(1, self.samples, self.batch))

    def table(self, steps: int) -> dict[str, Tensor]:
        """Return the events of every population, int64 [steps] on the host; 0 for steps that were not run."""
        if not self.counts:
            return {}
        rows = torch.stack([_padded(counts, steps) for counts in self.counts.values()]).cpu()  # one wait for all
        return dict(zip(self.counts, rows.unbind(), strict=True))


@dataclass
class Recorder(Probe):
    """Records one quantity of every population at every step."""

    read: Reader
    kept: dict[str, list[Tensor]] = field(default_factory=dict)

    @property
    def needs_spikes(self) -> bool:
        """Whether it needs the spikes: always."""
        return True

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Record the quantity of `item`."""
        self.kept.setdefault(item.name, []).append(self.read(spike, state, target))

    def table(self) -> dict[str, Tensor]:
        """Return the quantity of every population, [T, batch, ...]."""
        return {name: torch.stack(values) for name, values in self.kept.items()}


def _padded(pieces: Sequence[Tensor], steps: int) -> Tensor:
    counts = torch.cat(list(pieces)) if len(pieces) > 1 else pieces[0]
    return counts if len(counts) == steps else nn.functional.pad(counts, (0, steps - len(counts)))


def add_counts(parts: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the counts summed over several batches."""
    return {name: sum((part[name] for part in parts[1:]), parts[0][name]) for name in parts[0]}
