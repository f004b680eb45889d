"""Converts the counts of a counter to `Operations`."""

from collections.abc import Mapping, Sequence

import numpy as np

from onnx2snn_runtime.probing.counting import OperationCounter
from onnx2snn_runtime.probing.ledger import SENT
from onnx2snn_runtime.probing.operations import LayerOperations, Operations
from onnx2snn_runtime.program.interpreter import Tensor

Table = Mapping[tuple[str, str], np.ndarray]


def results(
    counter: OperationCounter, steps: Sequence[int], neurons: int, taken: Tensor, table: Table | None = None
) -> dict[int, Operations]:
    """Return the operations until each of `steps`; samples took `taken` [samples] steps. `table` is the ledger's."""
    table, samples = counter.ledger.table(steps[-1]) if table is None else table, counter.samples
    found = {}
    for t in steps:
        made = int(taken.clamp(max=t).sum())

        def sent(what: str, t: int = t) -> float:
            return _total(table, (SENT, what), t)

        layers = tuple(_layers(counter, table, t, made))
        found[t] = Operations(samples, made, neurons, sent("events"), sent("digits"), sent("bits"), layers)
    return found


def _layers(counter: OperationCounter, table: Table, t: int, made: int) -> "list[LayerOperations]":
    """Return the operations of each layer until step t, of which the samples made `made` in all, in order."""
    dense, samples = counter.reach.dense, counter.samples
    found = []
    for layer, item, _, _ in counter.reach.direct:
        macs, feeds = _total(table, (layer, "numbers"), t), counter.feeds
        once = dense[layer] * samples
        counts = {"effective_macs": macs, "multiplications": macs, "dense_macs": once * feeds, "dense_once": once}
        found.append(LayerOperations(layer, item.op_type, "direct", **counts))
    for arrival in counter.plan.arrivals:
        found.append(_synapse(arrival.name, arrival.item.op_type, table, t, dense[arrival.name], samples, made))
    for product in counter.plan.products:
        name, count = product.name, _total(table, (product.name, "products"), t)
        once = dense.get(name, 0.0)
        counts = {"products": count, "multiplications": count, "dense_products": once * made}
        found.append(LayerOperations(name, product.inner.op_type, "product", **counts, dense_once=once * samples))
    return found


def _synapse(name: str, operator: str, table: Table, t: int, dense: float, samples: int, made: int) -> LayerOperations:
    graded, met = table.get((name, "graded")), table.get((name, "met"))
    whole = float(met[:t].sum()) if met is not None else 0.0
    macs = float(met[:t][graded[:t] > 0].sum()) if met is not None and graded is not None else 0.0
    binary, sums, numbers = (_total(table, (name, what), t) for what in ("binary", "sums", "numbers"))
    return LayerOperations(
        name,
        operator,
        "synapse",
        effective_acs=whole - macs + binary,
        effective_macs=macs + sums + numbers,
        dense_macs=dense * made,
        shift_adds=_total(table, (name, "added"), t),
        multiplications=_total(table, (name, "multiplied"), t) + numbers,
        dense_once=dense * samples,
    )


def _total(table: Table, key: tuple[str, str], t: int) -> float:
    return float(table[key][:t].sum()) if key in table else 0.0
