"""Counts what each frame of a stream sends and computes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from onnx2snn_runtime.batches.stream_frame import Counts, LateCounts
from onnx2snn_runtime.execution.base import Execution, Settings
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.probing.counting import OperationCounter
from onnx2snn_runtime.probing.ledger import REACHED, Ledger
from onnx2snn_runtime.probing.operations import merged
from onnx2snn_runtime.probing.probes import EventCounter
from onnx2snn_runtime.probing.results import Table, results
from onnx2snn_runtime.program.interpreter import Frame, Tensor, fetch
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import chosen


class StreamMeter:
    """The probes of a stream; they are emptied before every frame."""

    def __init__(self, program: Program, settings: Settings, samples: int, operations: bool) -> None:
        size = program.axes.size
        self.program, self.samples = program, samples
        self.events = EventCounter(samples, size)
        self.counter = OperationCounter(program, settings, samples, size) if operations else None

    @property
    def probes(self) -> tuple[EventCounter | OperationCounter, ...]:
        """The probes."""
        return (self.events, *((self.counter,) if self.counter else ()))

    def begin(self, before: int) -> None:
        """Begin a frame, whose first time step is `before` + 1."""
        self.events.counts = {}
        if self.counter:
            self.counter.ledger, self.counter.feeds = Ledger(before), 0

    def counts(self, steps: int, refined: Sequence[int] = ()) -> LateCounts:
        """Return what the frame of `steps` time steps took, and as many again of the streams that were `refined`."""
        sent, neurons, counter = self.events.counts, self.events.neurons, self.counter
        groups = self.program.groups
        ledger, feeds = (counter.ledger, counter.feeds) if counter else (None, 0)

        def made() -> Counts:
            events, own = defaultdict[str, int](int), defaultdict[str, int](int)
            for name, pieces in sent.items():
                events[groups.get(name, name)] += int(sum(int(piece.sum()) for piece in pieces))
                own[groups.get(name, name)] += neurons[name]
            if counter is None or ledger is None:
                return Counts(dict(events), dict(own))
            held = counter.ledger, counter.feeds
            counter.ledger, counter.feeds = ledger, feeds
            taken = torch.full((self.samples,), steps)
            taken[list(refined)] += steps
            last = steps * (1 + bool(refined))
            table = ledger.table(last)
            found = results(counter, [last], sum(neurons.values()), taken, table)[last]
            counter.ledger, counter.feeds = held
            causes = self._causes(counter, table, events)
            return Counts(dict(events), dict(own), merged(found, groups), causes)

        return LateCounts(made)

    def _causes(self, counter: OperationCounter, table: Table, events: Mapping[str, int]) -> dict[str, float]:
        """Return the operations by what caused them; those of a sum are shared out by what its senders sent."""
        groups = self.program.groups
        total = {key: float(row.sum()) for key, row in table.items()}
        names = {item.output: groups.get(item.name, item.name) for item in self.program.populations}
        found: dict[str, float] = defaultdict(float)
        for (sender, what), count in total.items():
            if what == REACHED:
                found[names.get(sender, sender)] += count
        for item, index, *_ in ((call, i) for _, call, i, _ in counter.reach.direct):
            layer = item.node or item.outputs[0]
            found[item.inputs[index]] += total.get((layer, "numbers"), 0.0)
        for arrival in (one.arrival for many in counter.reach.seen.values() for one in many):
            count = sum(total.get((arrival.name, what), 0.0) for what in ("numbers", "sums", "binary"))
            senders = [names.get(source, source) for source in arrival.sources]
            weights = [events.get(name, 1) for name in senders]
            for name, weight in zip(senders, weights, strict=True):
                found[name] += count * (weight / sum(weights) if sum(weights) else 1 / len(senders))
        for product in counter.plan.products:
            found[groups.get(product.name, product.name)] += total.get((product.name, "products"), 0.0)
        return dict(found)

    def resume(self, execution: Execution, inputs: Mapping[str, Tensor], rows: Sequence[int] | None = None) -> None:
        """Take what arrives at the estimates of `execution`, of `rows` or all, as what the next changes are from."""
        if self.counter is None or not execution.states:
            return
        settings = replace(execution.settings, probes=())
        still = ValueExecution(execution.program, settings)
        still.t, still.states, still.inputs = execution.t, dict(execution.states), dict(execution.inputs)
        still.set_inputs(inputs)
        still.evaluate()
        own = None if rows is None else chosen(rows, self.program.device)
        _resume(self.counter, still.frame, own)


def _resume(counter: OperationCounter, frame: Frame, rows: Tensor | None) -> None:
    """Take what arrives in `frame` as what changes are from, for all samples or for `rows` along the first axis."""
    made: dict[tuple[str, int], Tensor] = {}
    for arrival in (one.arrival for many in counter.reach.seen.values() for one in many):
        made[arrival.item.outputs[0], arrival.index] = fetch(arrival.item, frame, arrival.index)
    for product in counter.plan.products:
        made |= {(product.item.output, i): frame.values[name] for i, name in enumerate(product.item.sources)}
    for key, value in made.items():
        last = counter.arrived.get(key)
        if rows is not None and last is not None and last.shape == value.shape:
            value = last.index_copy(0, rows, value.to(last.dtype).index_select(0, rows))
        counter.arrived[key] = value
