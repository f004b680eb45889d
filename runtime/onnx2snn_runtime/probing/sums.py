"""Tells whether sums of one-bit spikes are 0 or +-1 unit at a synapse, NeuroBench's condition for an accumulate."""

from collections.abc import Mapping

import torch

from onnx2snn_runtime.dynamics.base import Neuron, Wire, wire_of
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.probing.arrivals import Arrival
from onnx2snn_runtime.probing.fans import units
from onnx2snn_runtime.program.interpreter import Frame, Tensor

TOLERANCE = 1e-5
"""Of a unit: rounding on the way."""


class Units:
    """Knows the units of what a network's populations and inputs send."""

    def __init__(self, settings: Settings, neurons: Mapping[str, Neuron]) -> None:
        self._senders: dict[str, tuple[object, Neuron]] = {
            name: (settings.encoder, Neuron(scale)) for name, scale in settings.input_scales.items()
        }
        self._senders |= {name: (settings.dynamics, neuron) for name, neuron in neurons.items()}

    def binary(self, arrival: Arrival, t: int, change: Tensor, likes: Mapping[str, Tensor], constant: Frame) -> bool:
        """Return whether every element of `change`, which arrives at step t, is 0 or +- one unit."""
        wires = {name: self._wire(name, t) for name in arrival.sources}
        if arrival.kind != "sums" or not all(wire.mantissa == 0 for wire in wires.values()):
            return False
        given = {name: torch.zeros_like(likes[name]) + wire.unit for name, wire in wires.items()}
        unit = units(arrival, given, constant).to(change.dtype)
        size = change.abs()
        return bool(((size == 0) | ((size - unit).abs() <= TOLERANCE * unit)).all())

    def _wire(self, name: str, t: int) -> Wire:
        sender, neuron = self._senders.get(name, (None, Neuron(1.0)))
        return wire_of(sender, t, neuron)
