"""What may watch a run."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor
from onnx2snn_runtime.program.population import Population


class Probe(Protocol):
    """What may watch a run; it must not wait for the device, nor change what it is shown."""

    sees_spikes: ClassVar[bool]
    """Whether `population` is to be called; otherwise `count` may be, which costs less."""

    sees_synapses: ClassVar[bool]
    """Whether `synapse` and `sources` are to be called: an executor may have to compute more for them."""

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """See the population `item` after step t: what it sent, its new state, and what it aimed at."""

    def count(self, item: Population, t: int, events: Tensor, like: Tensor) -> None:
        """See how many events `item` sent at steps t, t + 1, ...; `like` is shaped as what it sends."""

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """See a synapse before it runs: varying inputs in `changing` (changes, or values), others in `constant`.

        Values are shown at t = 0 as well: what they are before the first spike.
        """

    def sources(self, item: Population, t: int, values: Sequence[Tensor]) -> None:
        """See what reaches the population `item` at step t, and at t = 0."""

    def keep(self, rows: Tensor, batch: int) -> None:
        """Go on with the samples `rows` of the `batch` alone."""
