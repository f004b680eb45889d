"""Counts the operations of a run at the senders: the weights that a spike meets are known in advance (`reach`).

What arrives as a sum or as a number, and the operands of a product of two activations, is looked at where it arrives,
against what it is at rest. Every executor counts the same, to the rounding of what is computed.
"""

from collections.abc import Mapping, Sequence

import torch

from onnx2snn_runtime.dynamics.base import Neuron, State, Wire, wire_of
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.kernels import pairs as kernel
from onnx2snn_runtime.kernels.tally import Held
from onnx2snn_runtime.probing.arrivals import Arrival, Product
from onnx2snn_runtime.probing.digits import Tally, tally, units_of
from onnx2snn_runtime.probing.fans import fan_out
from onnx2snn_runtime.probing.ledger import Ledger
from onnx2snn_runtime.probing.products import marks, operands, pairs
from onnx2snn_runtime.probing.reach import Reach, plan_of, reach_of
from onnx2snn_runtime.probing.rest import rest_of
from onnx2snn_runtime.probing.sums import Units
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, fetch
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import real_samples
from onnx2snn_runtime.program.rectifiers import neurons_of

Mark = tuple[dict[tuple[str, int], Tensor], dict[str, Tensor]]
SENT = "sent"
"""Where the ledger has what populations sent, whatever it meets."""

REACHED = "reached"
"""What the ledger calls the products that a sender's own spikes make."""


class OperationCounter(Probe):
    """Counts the operations of one batch; of a batch padded to its fixed size only the first `samples` count."""

    needs_synapses = True

    def __init__(self, program: Program, settings: Settings, samples: int, batch: int = 0) -> None:
        self.program, self.settings = program, settings
        self.samples, self.batch = samples, batch or samples
        self.plan = plan_of(program)
        self.observed = self.plan.observed
        self.ledger = Ledger()
        self.reach = Reach(1)
        self._likes: dict[str, Tensor] = {}
        """Those of the reach, for the samples that are left."""
        self.feeds = 0
        self._neurons = neurons_of(program, settings.dynamics)
        self.arrived: dict[tuple[str, int], Tensor] = {}
        """What arrived last, by synapse or population and by input: what the next changes are from."""
        self._rest: dict[tuple[str, int], Tensor] = {}
        self._units = Units(settings, self._neurons)
        self._held: Held = {}

    @property
    def needs_spikes(self) -> bool:
        """Where receivers filter, what was sent cannot be read off the estimates."""
        return self.settings.dynamics.payload != "change"

    @property
    def needs_values(self) -> bool:
        """Whether the estimates over a chunk are enough."""
        return not self.needs_spikes

    def set_inputs(self, frame: Frame, inputs: Mapping[str, Tensor], t: int) -> None:
        """Count what the inputs of the network meet as they are: the first layers under `direct` coding."""
        self._reach(inputs)
        self._direct(frame, t)
        for seen in (one for many in self.reach.seen.values() for one in many):
            arrival, rest = seen.arrival, seen.rest
            if rest is None:
                rest = rest_of(self.program, arrival.value, self.reach.likes, frame)
                self._meet(arrival.name, "numbers", t, rest, self._fan(arrival, rest, frame))
            self._stand((arrival.item.outputs[0], arrival.index), rest)
        for product in self.plan.products:
            self._operands(product, t, frame)

    def _reach(self, inputs: Mapping[str, Tensor]) -> None:
        self.reach = reach_of(self.program, self.settings, inputs, self.batch)
        self._likes = dict(self.reach.likes)
        self.feeds += 1

    def _direct(self, frame: Frame, t: int) -> None:
        for layer, item, index, fan in self.reach.direct:
            self._meet(layer, "numbers", t, frame.values[item.inputs[index]], fan)

    def _operands(self, product: Product, t: int, frame: Frame) -> None:
        """Set what the changes of the operands of `product` are from, and count what the inputs make of them."""
        rests = []
        for index, name in enumerate(product.item.sources):
            key = (product.item.output, index)
            rest = self.reach.operands.get(key)
            rests.append(rest_of(self.program, name, self.reach.likes, frame) if rest is None else rest)
            self._stand(key, rests[-1])
        if any(product.shifted):
            self._add(product.name, "products", t, pairs(product.inner, *map(marks, operands(product, rests, frame))))

    def _stand(self, key: tuple[str, int], rest: Tensor) -> None:
        """Take `rest` as what the changes are from; a new one, because the inputs moved, is no change."""
        if key in self.arrived:
            self.arrived[key] = self.arrived[key] + (rest - self._rest[key])
        else:
            self.arrived[key] = rest
        self._rest[key] = rest

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

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Count what arrives as a sum or a number."""
        for seen in self.reach.seen.get(item.outputs[0], ()):
            arrival = seen.arrival
            if arrival.kind == "spikes":
                continue
            value = fetch(item, changing, arrival.index)
            change = value if changes else self._change((item.outputs[0], arrival.index), value)
            fan = self._fan(arrival, change, constant)
            if arrival.kind == "numbers":
                self._meet(arrival.name, "numbers", t, change, fan)
                continue
            found = self._units.seen(arrival, t, change, self._likes, constant)
            met = (change != 0) * fan
            self._add(arrival.name, "sums", t, met * found.graded)
            self._add(arrival.name, "binary", t, met * ~found.graded)
            self._add(arrival.name, "added", t, found.digits * fan)
            self._add(arrival.name, "multiplied", t, found.many * fan)

    def sources(self, item: Population, t: int, values: Sequence[Tensor], constant: Frame) -> None:
        """Count the changes of each operand of a product against what is not zero of the other."""
        held = [self.arrived[item.output, i] for i in range(len(values))]
        for product in self.plan.products:
            if product.item.output != item.output:
                continue
            now, last = operands(product, values, constant), operands(product, held, constant)
            self._measure(product, now)
            if self.samples >= self.batch and product.inner.op_type == "MatMul" and kernel.fits(now, last):
                self.ledger.add(product.name, "products", t, kernel.run(now, last))
                continue
            changed = [marks(value, before) for value, before in zip(now, last, strict=True)]
            self._add(product.name, "products", t, pairs(product.inner, changed[0], marks(now[1])))
            self._add(product.name, "products", t, pairs(product.inner, marks(now[0]), changed[1]))
        self.arrived.update({(item.output, i): value for i, value in enumerate(values)})

    def _measure(self, product: Product, values: Sequence[Tensor]) -> None:
        """Write down how many products there are of a sample if nothing is zero."""
        if product.name not in self.reach.dense:
            ones = pairs(product.inner, *(torch.ones_like(value, dtype=torch.float32) for value in values))
            self.reach.dense[product.name] = float(ones.sum(dtype=torch.float64)) / self.batch

    def select_samples(self, rows: Tensor, batch: int) -> None:
        """Forget the samples that are not among `rows`: values hold samples, or blocks of them, along axis 0."""
        for key, value in self.arrived.items():
            if value.ndim and len(value) and len(value) % batch == 0:
                blocks = value.reshape(batch, -1, *value.shape[1:]).index_select(0, rows)
                self.arrived[key] = blocks.reshape(-1, *value.shape[1:])
        for name, like in self._likes.items():
            if like.ndim and len(like) % batch == 0:
                self._likes[name] = like.narrow(0, 0, len(like) // batch * len(rows))

    def marked(self) -> Mark:
        """Return what `rejoin` needs where a part of the samples goes ahead for a while."""
        return dict(self.arrived), dict(self._likes)

    def rejoin(self, mark: Mark, rows: Tensor, batch: int) -> None:
        """Take the samples `rows`, which went ahead alone, back among the `batch` of `mark`."""
        part, (self.arrived, self._likes) = self.arrived, mark
        for key, value in part.items():
            whole = self.arrived[key]
            if whole.shape == value.shape or not whole.ndim:
                self.arrived[key] = value
                continue
            blocks = whole.reshape(batch, -1, *whole.shape[1:])
            joined = blocks.index_copy(0, rows, value.to(whole.dtype).reshape(len(rows), -1, *whole.shape[1:]))
            self.arrived[key] = joined.reshape(whole.shape)

    def _change(self, key: tuple[str, int], value: Tensor) -> Tensor:
        before, self.arrived[key] = self.arrived[key], value
        return value - before

    def _fan(self, arrival: Arrival, like: Tensor, constant: Frame) -> Tensor:
        fan = self.reach.fans[arrival.item.outputs[0], arrival.index]
        return fan_out(arrival.item, arrival.index, like, constant) if fan is None else fan

    def _meet(self, layer: str, kind: str, t: int, value: Tensor, fan: Tensor) -> None:
        self._add(layer, kind, t, (value != 0) * fan)

    def _add(self, layer: str, what: str, t: int, products: Tensor) -> None:
        kept = real_samples(products, self.samples, self.batch)
        self.ledger.add(layer, what, t, kept.sum(dtype=torch.float64).reshape(1))
