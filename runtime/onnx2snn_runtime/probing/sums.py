"""What sums of spikes are where they arrive: still single units, numbers of few signed digits, or of many.

A sum of few digits is shifted and added as a payload is; one of more than FEW takes more additions than a MAC costs.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from onnx2snn_runtime.dynamics.base import Neuron, Wire, wire_of
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.probing.arrivals import Arrival
from onnx2snn_runtime.probing.digits import MOST, digits_of
from onnx2snn_runtime.probing.fans import units
from onnx2snn_runtime.program.interpreter import Frame, Tensor

TOLERANCE = 1e-5
"""Of a unit: rounding on the way."""

FEW = 4
"""Signed digits: at 45 nm a fp32 MAC costs five additions."""


class Sums(NamedTuple):
    """Sums that arrive: whether one of them is no unit, the digits of those that have few, and which have many."""

    graded: Tensor
    digits: Tensor
    many: Tensor


class Units:
    """Knows the units of what a network's populations and inputs send."""

    def __init__(self, settings: Settings, neurons: Mapping[str, Neuron]) -> None:
        self._senders: dict[str, tuple[object, Neuron]] = {
            name: (settings.encoder, Neuron(scale)) for name, scale in settings.input_scales.items()
        }
        self.known: dict[tuple[Any, ...], tuple[list[Tensor | float], Tensor]] = {}
        """The units that were worked out last, and those of the senders, by arrival and the shapes of its senders."""
        self._senders |= {name: (settings.dynamics, neuron) for name, neuron in neurons.items()}

    def seen(self, arrival: Arrival, t: int, change: Tensor, likes: Mapping[str, Tensor], constant: Frame) -> Sums:
        """Return what `change`, the sums that arrive at step t, is made of."""
        wires = {name: self._wire(name, t) for name in arrival.sources}
        ratio = change.abs() / self._unit(arrival, wires, likes, constant).to(change.dtype)
        sent, digits = ratio > 0, digits_of(ratio, MOST)
        many, graded = sent & (digits > FEW), sent.new_ones(())
        if self.one_bit(arrival, t):
            graded = (sent & ((ratio - 1).abs() > TOLERANCE)).any()
        return Sums(graded, digits.masked_fill(many, 0), many)

    def _unit(
        self, arrival: Arrival, wires: Mapping[str, Wire], likes: Mapping[str, Tensor], constant: Frame
    ) -> Tensor:
        """Return the unit of each element that arrives, 1 where nothing does."""
        sizes = tuple(tuple(likes[name].shape) for name in wires)  # fewer when samples have left their batch
        key = (arrival.item.outputs[0], arrival.index, sizes)
        held = [wire.unit for wire in wires.values()]
        known = self.known.get(key)
        if known is None or not _same(known[0], held):
            given = {name: torch.zeros_like(likes[name]) + wire.unit for name, wire in wires.items()}
            unit = units(arrival, given, constant)
            known = self.known[key] = held, _one_row(torch.where(unit > 0, unit, 1.0))
        return known[1]

    def of(
        self, arrival: Arrival, t: int, changes: Tensor, likes: Mapping[str, Tensor], constant: Frame
    ) -> Tensor | float | None:
        """Return the units of what arrives in the steps t, t + 1, ..., as `kernels.tally` takes them for `changes`.

        None: they are not the same for all samples.
        """
        found: list[Tensor] = []
        before: list[Tensor | float] = []
        for i in range(len(changes) if self.vary(arrival) else 1):
            wires = {name: self._wire(name, t + i) for name in arrival.sources}
            held = [wire.unit for wire in wires.values()]
            alike = found and _same(before, held)
            found.append(found[-1] if alike else self._unit(arrival, wires, likes, constant))
            before = held
        first = found[0]
        if any(unit.numel() != 1 and (unit.ndim != changes.ndim - 1 or len(unit) != 1) for unit in found):
            return None
        return first if all(unit is first for unit in found) else torch.stack(found).to(changes.dtype)

    def vary(self, arrival: Arrival) -> bool:
        """Return whether units may differ between steps: a step size that follows a schedule, and is no average."""
        senders = [self._senders.get(name, (None, None))[0] for name in arrival.sources]
        return any(
            sender is not None and not isinstance(sender, Differential) and getattr(sender, "payload", "") != "value"
            for sender in senders
        )

    def one_bit(self, arrival: Arrival, t: int) -> bool:
        """Return whether all that is summed at step t has payloads of one bit."""
        return all(self._wire(name, t).mantissa == 0 for name in arrival.sources)

    def _wire(self, name: str, t: int) -> Wire:
        sender, neuron = self._senders.get(name, (None, Neuron(1.0)))
        return wire_of(sender, t, neuron)


def _same(one: Sequence[Tensor | float], other: Sequence[Tensor | float]) -> bool:
    return all(
        a is b or (isinstance(a, float) and isinstance(b, float) and a == b) for a, b in zip(one, other, strict=True)
    )


def _one_row(unit: Tensor) -> Tensor:
    """Return the unit of one sample where all are alike, which takes less room: on a CPU, which nobody waits for."""
    several = unit.device.type == "cpu" and unit.ndim and len(unit) > 1
    return unit[:1] if several and bool((unit == unit[:1]).all()) else unit
