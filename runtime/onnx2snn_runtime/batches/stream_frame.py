"""What a frame of a stream did: its outputs, and what was sent and computed for it, in all and by population."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from onnx2snn_runtime.probing.operations import Operations


@dataclass(frozen=True)
class Counts:
    """What one frame took: the spikes of each population, and the operations, with `operations` counted."""

    events: Mapping[str, int]
    neurons: Mapping[str, int]
    """The neurons of each population, for one sample."""
    operations: Operations | None = None
    by_sender: Mapping[str, float] = field(default_factory=dict)
    """The synaptic operations that each population, or input, caused."""


class LateCounts:
    """Counts that are put together when they are first asked for."""

    def __init__(self, make: Any) -> None:
        self._make = make

    @cached_property
    def value(self) -> Counts:
        """The counts."""
        made: Counts = self._make()
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {"value": self.value}


@dataclass(frozen=True)
class StreamFrame:
    """One frame of a stream: `index` counts them from 1 on; `samples` are the streams that run side by side.

    outputs       as the stream returned them
    reset         the streams that began anew before this frame, by their numbers
    refined       the streams that took as many steps again, in a fine pass, because the coarse one left them unsure
    events        the spikes of all populations, without those of inputs
    silent        the share of neurons and time steps without a spike
    operations    what was computed, in total and by layer, None where it is not counted; `synaptic_operations` is the
                  number by NeuroBench's rule, the first layer included
    ..._by_population   the same for each population; the operations are those that its spikes cause, those of the
                  inputs stand under their names, products of two activations under that of the neuron that multiplies
    """

    index: int
    steps: int
    samples: int
    outputs: Any
    reset: tuple[int, ...]
    counts: LateCounts = field(repr=False)
    refined: tuple[int, ...] = ()

    @property
    def events_by_population(self) -> Mapping[str, int]:
        """The spikes of each population."""
        return self.counts.value.events

    @property
    def events(self) -> int:
        """The spikes of all populations."""
        return sum(self.events_by_population.values())

    @property
    def silent_by_population(self) -> dict[str, float]:
        """The share of the neurons and time steps of each population without a spike."""
        whole = {name: n * self.steps_taken for name, n in self.counts.value.neurons.items()}
        return {name: 1.0 - sent / max(1, whole[name]) for name, sent in self.events_by_population.items()}

    @property
    def silent(self) -> float:
        """The share of neurons and time steps without a spike."""
        return 1.0 - self.events / max(1, sum(self.counts.value.neurons.values()) * self.steps_taken)

    @property
    def steps_taken(self) -> int:
        """The time steps of all streams."""
        return self.steps * (self.samples + len(self.refined))

    @property
    def operations(self) -> Operations | None:
        """What was computed, in total and by layer."""
        return self.counts.value.operations

    @property
    def operations_by_population(self) -> Mapping[str, float]:
        """The synaptic operations that each population, or input, caused; nothing where they are not counted."""
        return self.counts.value.by_sender
