"""Counts the operations of a run at the senders: the weights that a spike meets are known in advance (`reach`).

What arrives as a sum or as a number, and the operands of a product of two activations, is looked at where it arrives,
against what it is at rest. Every executor counts the same, to the rounding of what is computed.
"""

from collections.abc import Mapping, Sequence

import torch

from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.kernels import pairs as pair_kernel
from onnx2snn_runtime.kernels import tally as kernel
from onnx2snn_runtime.probing.arrivals import Arrival, Product
from onnx2snn_runtime.probing.currents import Currents
from onnx2snn_runtime.probing.fans import fan_out
from onnx2snn_runtime.probing.ledger import Arriving
from onnx2snn_runtime.probing.products import marks, operands, pairs
from onnx2snn_runtime.probing.reach import Seen, plan_of, reach_of
from onnx2snn_runtime.probing.rest import rest_of
from onnx2snn_runtime.probing.sending import SentCounter
from onnx2snn_runtime.probing.sums import Units
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, fetch
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import real_samples

Mark = tuple[dict[tuple[str, int], Tensor], dict[str, Tensor]]


class OperationCounter(SentCounter):
    """Counts the operations of one batch; of a batch padded to its fixed size only the first `samples` count."""

    needs_synapses = True

    def __init__(self, program: Program, settings: Settings, samples: int, batch: int = 0) -> None:
        super().__init__(program, settings, samples, batch)
        self.plan = plan_of(program)
        self.observed = self.plan.observed
        self._likes: dict[str, Tensor] = {}
        """Those of the reach, for the samples that are left."""
        self.feeds = 0
        self.arrived: dict[tuple[str, int], Tensor] = {}
        """What arrived last, by synapse or population and by input: what the next changes are from."""
        self._rest: dict[tuple[str, int], Tensor] = {}
        self._units = Units(settings, self._neurons)
        self._currents = Currents(program, self.plan) if self.needs_spikes else None
        self.sending = self._currents.senders if self._currents else frozenset()

    def executor(self, name: str) -> str:
        """Return the executor to run in place of `name`.

        Decoders that filter change what arrives at every step, spikes or none: a step does not tell its currents.
        """
        filtered = self.needs_spikes and self.plan.observes_currents
        return "event" if filtered and (name == "step" or self.settings.delay) else name

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
        self._units.known = self.reach.units
        self.feeds += 1

    def _direct(self, frame: Frame, t: int) -> None:
        for layer, item, index, fan in self.reach.direct:
            self._numbers(layer, (item.outputs[0], index), t, frame.values[item.inputs[index]], fan)

    def _numbers(self, layer: str, key: tuple[str, int], t: int, value: Tensor, fan: Tensor) -> None:
        """Count the numbers `value` that arrive at step t at the input `key` of a layer, by a kernel if one can."""
        if not self._by_kernel(layer, key, t, value[None] if value.ndim else value, None):
            self._meet(layer, "numbers", t, value, fan)

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

    def sent(self, name: str, spikes: Tensor) -> None:
        """Take the spikes of a chunk, for the currents that they cause."""
        if self._currents:
            self._currents.set(name, spikes)

    def synapse(self, item: Call, t: int, changing: Frame, constant: Frame, changes: bool) -> None:
        """Count what arrives as a sum or a number."""
        for seen in self._looked_at(item):
            value = fetch(item, changing, seen.arrival.index)
            change = value if changes else self._change((item.outputs[0], seen.arrival.index), value)
            self._look(seen.arrival, t, change, constant)

    def synapses(self, item: Call, t: int, count: int, frame: Frame) -> None:
        """Count what arrives in a chunk, by a kernel where there is one."""
        for seen in self._looked_at(item):
            arrival = seen.arrival
            if self._currents:
                now, before = self._currents.of(arrival, frame), None
            else:
                key, now = (item.outputs[0], arrival.index), fetch(item, frame, arrival.index)
                before, self.arrived[key] = self.arrived[key], now[-1]
            if self._tally(arrival, t, now, before, frame):
                continue
            for i, value in enumerate(now):
                change, before = (value, None) if before is None else (value - before, value)
                self._look(arrival, t + i, change, frame)
        if self._currents:
            self._currents.release(item)

    def _looked_at(self, item: Call) -> list[Seen]:
        return [seen for seen in self.reach.seen.get(item.outputs[0], ()) if seen.arrival.kind != "spikes"]

    def _tally(self, arrival: Arrival, t: int, now: Tensor, before: Tensor | None, constant: Frame) -> bool:
        """Let a kernel count the changes of `now` [n, ...], or what is in it (`before` is None), if one can."""
        key = arrival.item.outputs[0], arrival.index
        before = None if before is None else before.expand(now.shape[1:])  # at rest all samples may be alike
        if arrival.kind == "numbers":
            return self._by_kernel(arrival.name, key, t, now, before)
        unit = self._units.of(arrival, t, now, self._likes, constant)
        held, one_bit = not self._units.vary(arrival), self._units.one_bit(arrival, t)
        return unit is not None and self._by_kernel(arrival.name, key, t, now, before, (unit, one_bit), held)

    def _by_kernel(
        self,
        layer: str,
        key: tuple[str, int],
        t: int,
        now: Tensor,
        before: Tensor | None,
        summed: tuple[Tensor | float, bool] | None = None,
        held: bool = True,
    ) -> bool:
        """Tally what arrives as numbers, or as sums of spikes of a unit (`summed`), all of one bit or not.

        False: no kernel can. What it is given is `held` for the next time.
        """
        fan, size = self.reach.flat_fan(key), now[0].numel() if now.ndim else 0
        if fan is None or self.samples < self.batch or not size or size % fan.numel():
            return False
        unit, one_bit = summed or (1.0, False)
        weights = kernel.ready(now, fan, unit, self.reach.held if held else None)
        if weights is None:
            return False
        own = Arriving(layer, summed is not None, one_bit)
        share = self.reach.shares.setdefault((key, own), own)
        self.ledger.tally(share, t, kernel.run(now, before, weights, None, sums=summed is not None)[None])
        return True

    def _look(self, arrival: Arrival, t: int, change: Tensor, constant: Frame) -> None:
        """Count the `change` that arrives at step t."""
        fan = self._fan(arrival, change, constant)
        if arrival.kind == "numbers":
            self._meet(arrival.name, "numbers", t, change, fan)
            return
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
            if self.samples >= self.batch and product.inner.op_type == "MatMul" and pair_kernel.fits(now, last):
                self.ledger.add(product.name, "products", t, pair_kernel.run(now, last))
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
