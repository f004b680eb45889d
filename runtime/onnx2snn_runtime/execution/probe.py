"""The interface of probes, which observe a run."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor
from onnx2snn_runtime.program.population import Population


class Probe(Protocol):
    """Observes a run through callbacks, which must not wait for the device nor modify their arguments."""

    needs_spikes: ClassVar[bool]
    """Whether the probe needs `population`; otherwise the cheaper `count` may be called instead."""

    needs_synapses: ClassVar[bool]
    """Whether the probe needs `synapse` and `sources`, for which an executor may have to compute more."""

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Called after step t of the population `item`, with its spike, its new state and its target."""

    def count(self, item: Population, t: int, events: Tensor, like: Tensor) -> None:
        """Called with the events of `item` at steps t, t + 1, ..., int64 [n]; `like` has the shape of its spikes."""

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Called before the synapse `item` is computed at step t, and at t = 0 with the values before the first spike.

        `changing` holds its time-varying inputs (their changes, or their values), `constant` the others.
        """

    def sources(self, item: Population, t: int, values: Sequence[Tensor]) -> None:
        """Called with the inputs of the population `item` at step t, and at t = 0."""

    def select_samples(self, rows: Tensor, batch: int) -> None:
        """Called when the run continues with the samples `rows` of the `batch` only."""
