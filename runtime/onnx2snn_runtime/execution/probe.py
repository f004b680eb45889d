"""The interface of probes, which observe a run."""

from collections.abc import Mapping, Sequence

from onnx2snn_runtime.dynamics.base import Neuron, State
from onnx2snn_runtime.kernels.chunks import at
from onnx2snn_runtime.kernels.tallied import Tallied
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor
from onnx2snn_runtime.program.population import Population


class Probe:
    """Observes a run through callbacks, which must not wait for the device nor modify their arguments.

    Here every callback does nothing; a probe overrides those that it needs.
    """

    needs_synapses: bool = False
    """Whether the probe needs `set_inputs`, `encoded`, and `synapse` and `sources` of what is `observed`."""

    observed: frozenset[str] = frozenset()
    """The synapses and populations, by their first output, for which `synapse` and `sources` are called."""

    sending: frozenset[str] = frozenset()
    """The populations and inputs, by output, for which `sent` is called."""

    takes_sums: bool = False
    """Whether the probe takes `sums` of the populations that a kernel tallies, in place of `values` or `population`."""

    @property
    def needs_spikes(self) -> bool:
        """Whether the probe needs `population`; otherwise the cheaper `count` may be called instead."""
        return False

    @property
    def needs_values(self) -> bool:
        """Whether the probe needs `values`, from executors that do not call `population`."""
        return False

    def set_inputs(self, frame: Frame, inputs: Mapping[str, Tensor], t: int) -> None:
        """Called with the inputs from step t on; `frame` holds the values that depend on them and constants only."""

    def encoded(self, name: str, t: int, spike: Tensor, neuron: Neuron) -> None:
        """Called with the spike that the encoder of the input `name` sent at step t."""

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Called after step t of the population `item`, with its spike, its new state and its target."""

    def count(self, item: Population, t: int, events: Tensor, like: Tensor) -> None:
        """Called with the events of `item` at steps t, t + 1, ..., int64 [n]; `like` has the shape of its spikes."""

    def values(self, item: Population, t: int, values: Tensor, before: Tensor) -> None:
        """Called with the estimates of `item` after steps t, t + 1, ..., [n, ...], and before step t."""

    def tallied(self, item: Population, shape: Sequence[int]) -> Tallied | None:
        """Return what is to be tallied of the spikes of `item`, neurons of `shape` [batch, ...]; None: `sums` won't do.

        It is asked before each chunk of a population where `takes_sums`.
        """
        return None

    def sums(self, item: Population, t: int, sums: Tensor) -> None:
        """Called with what was `tallied` of `item` at steps t, t + 1, ..., int64 [patterns, n, 5], see scan.c."""

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Called before the synapse `item` is computed at step t.

        `changing` holds its time-varying inputs (their changes, or their values), `constant` the others.
        """

    def synapses(self, item: Call, t: int, count: int, frame: Frame) -> None:
        """Called before the synapse `item` is computed over a chunk, steps t to t + count - 1.

        Its time-varying inputs in `frame` are values [n <= count, ...], see `kernels.chunks`.
        """
        varying = {n: frame.values[n] for n, flag in zip(item.inputs, item.varying, strict=True) if flag}
        for index in range(count):
            values = {name: at(value, index) for name, value in varying.items()}
            self.synapse(item, t + index, Frame(frame.dtype, frame.device, values, frame.host), frame, False)

    def sent(self, name: str, spikes: Tensor) -> None:
        """Called with the spikes [T, ...] of a chunk that a population or an input sent whose output is in `sending`.

        It is called by executors that compute chunks, before the synapses that they reach.
        """

    def sources(self, item: Population, t: int, values: Sequence[Tensor], constant: Frame) -> None:
        """Called with the inputs of the population `item` at step t."""

    def select_samples(self, rows: Tensor, batch: int) -> None:
        """Called when the run continues with the samples `rows` of the `batch` only."""
