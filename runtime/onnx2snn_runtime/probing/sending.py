"""Counts what populations and inputs send: the weights that a spike meets are known in advance (`reach`).

A kernel tallies it while it scans; else it is read off the estimates of a chunk, or off the spikes of a step.
"""

from collections.abc import Sequence

import torch

from onnx2snn_runtime.dynamics.base import Neuron, State, Wire, wire_of
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.kernels.tallied import Tallied
from onnx2snn_runtime.kernels.tally import Held
from onnx2snn_runtime.probing.digits import Tally, tally, units_of
from onnx2snn_runtime.probing.ledger import REACHED, SENT, Ledger, Shares
from onnx2snn_runtime.probing.reach import Reach
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import real_samples
from onnx2snn_runtime.program.rectifiers import neurons_of


class SentCounter(Probe):
    """Counts what is sent in one batch; of a batch padded to its fixed size only the first `samples` count."""

    takes_sums = True

    def __init__(self, program: Program, settings: Settings, samples: int, batch: int = 0) -> None:
        self.program, self.settings = program, settings
        self.samples, self.batch = samples, batch or samples
        self.ledger = Ledger()
        self.reach = Reach(1)
        self._neurons = neurons_of(program, settings.dynamics)
        self._held: Held = {}
        self._wires: dict[str, Wire] = {}
        self._shares: dict[str, Shares] = {}
        """Of the populations that were `tallied` last."""

    @property
    def needs_spikes(self) -> bool:
        """Where receivers filter, what was sent cannot be read off the estimates."""
        return self.settings.dynamics.payload != "change"

    @property
    def needs_values(self) -> bool:
        """Whether the estimates over a chunk are enough."""
        return not self.needs_spikes

    def tallied(self, item: Population, shape: Sequence[int]) -> Tallied | None:
        """Return the weights that spikes of `item` meet, for a kernel that tallies them; None where none can."""
        wire = self._wire(item.output)
        key = (item.output, wire.mantissa, wire.bits, self.samples, tuple(shape) if self.samples < self.batch else ())
        known = self.reach.tallied.get(key)
        if known is None:
            known = self.reach.tallied[key] = self._made(item.output, wire, shape)
        found, self._shares[item.output] = known
        return found if found.fits(shape) else None

    def _made(self, sender: str, wire: Wire, shape: Sequence[int]) -> tuple[Tallied, Shares]:
        patterns, masked = self.reach.patterns.get(sender, []), self.samples < self.batch
        like = torch.zeros(()).expand(tuple(shape))
        fans, layers = [self._masked(pattern.fan, like) for pattern in patterns], [one.layers for one in patterns]
        if masked or not patterns:
            fans.append(self._masked(torch.ones(1), like))
            layers.append([])
        shares = Shares(sender, layers, wire.mantissa, wire.bits, masked=masked)
        return Tallied([fan.cpu() for fan in fans], wire.mantissa), shares

    def _wire(self, sender: str) -> Wire:
        """Return what a spike of a population carries; the unit is that of the first step."""
        if sender not in self._wires:
            self._wires[sender] = wire_of(self.settings.dynamics, 1, self._neurons[sender])
        return self._wires[sender]

    def sums(self, item: Population, t: int, sums: Tensor) -> None:
        """Write down what a kernel tallied of `item`."""
        self.ledger.tally(self._shares[item.output], t, sums)

    def values(self, item: Population, t: int, values: Tensor, before: Tensor) -> None:
        """Count what `item` sent from step t on: the changes of `values` [n, ...], which follow upon `before`."""
        neuron = self._neurons[item.output]
        wires = [wire_of(self.settings.dynamics, t + i, neuron) for i in range(len(values))]
        self._sent(item.output, t, values, before, wires)

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Count what `item` sent at step t."""
        wire = wire_of(self.settings.dynamics, t, self._neurons[item.output])
        self._sent(item.output, t, spike[None], torch.zeros_like(spike), [wire])

    def encoded(self, name: str, t: int, spike: Tensor, neuron: Neuron) -> None:
        """Count what the input `name` sent at step t: its synapses, but no event of a population."""
        wire = wire_of(self.settings.encoder, t, neuron)
        self._sent(name, t, spike[None], torch.zeros_like(spike), [wire], inner=False)

    def _sent(
        self, sender: str, t: int, values: Tensor, before: Tensor, wires: Sequence[Wire], inner: bool = True
    ) -> None:
        """Count the changes of `values` [n, ...], the first of which follow upon `before`, wherever they go."""
        wire, unit = wires[0], units_of(wires, values)
        lasting = unit is wire.unit and self.samples >= self.batch

        def counted(fan: Tensor, held: Held | None = None) -> Tally:
            return tally(values, before, self._masked(fan, values[0]), wire.mantissa, unit, held)

        patterns = self.reach.patterns.get(sender, [])
        found = [counted(pattern.fan, self._held if lasting else None) for pattern in patterns]
        for pattern, each in zip(patterns, found, strict=True):
            shifts = each.met if wire.mantissa is None else each.added
            self.ledger.add(sender, REACHED, t, each.met * sum(factor for _, factor in pattern.layers))
            for layer, factor in pattern.layers:
                self.ledger.add(layer, "met", t, each.met * factor)
                self.ledger.add(layer, "graded", t, each.graded.to(torch.float64))
                self.ledger.add(layer, "multiplied" if wire.mantissa is None else "added", t, shifts * factor)
        if inner and (self.samples < self.batch or not found):
            found = [counted(values.new_ones(1))]  # of those that are masked `met` counts alone
            found = [found[0]._replace(events=found[0].met, digits=found[0].added)]
        if inner:
            self.ledger.add(SENT, "events", t, found[0].events)
            self.ledger.add(SENT, "digits", t, found[0].digits)
            self.ledger.add(SENT, "bits", t, found[0].events * wire.bits)

    def _masked(self, fan: Tensor, like: Tensor) -> Tensor:
        """Return `fan`, 0 for samples that only fill up a batch."""
        if self.samples >= self.batch:
            return fan
        mask = torch.zeros(like.shape, dtype=fan.dtype, device=fan.device)
        real_samples(mask, self.samples, self.batch).fill_(1.0)
        return (mask.reshape(-1, fan.numel()) * fan).reshape(-1)
