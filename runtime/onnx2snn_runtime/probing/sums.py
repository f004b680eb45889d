"""Whether sums of one-bit spikes are still single units where they arrive: NeuroBench's condition for an accumulate."""

from collections.abc import Mapping

import torch

from onnx2snn_runtime.dynamics.base import Neuron, wire_of
from onnx2snn_runtime.probing.arrivals import Arrival
from onnx2snn_runtime.probing.fans import units
from onnx2snn_runtime.program.interpreter import Frame, Tensor
from onnx2snn_runtime.program.program import Program

TOLERANCE = 1e-5
"""Of a unit: rounding on the way."""


class Units:
    """Knows the units of what a network's populations and inputs send."""

    def __init__(self, program: Program, dynamics: object, encoder: object) -> None:
        scales = program.defaults.input_scales
        self._senders = {
            name: (encoder, Neuron(float(scales.get(name, 1.0)))) for name in program.defaults.spiking_inputs
        }
        self._senders |= {item.output: (dynamics, program.neuron(item)) for item in program.populations}

    def binary(self, arrival: Arrival, t: int, change: Tensor, likes: Mapping[str, Tensor], constant: Frame) -> bool:
        """Return whether every element of `change`, which arrives at step t, is 0 or +- one unit."""
        wires = {name: wire_of(*self._order(name, t)) for name in arrival.sources}
        if arrival.kind != "sums" or not all(wire.mantissa == 0 for wire in wires.values()):
            return False
        given = {name: torch.zeros_like(likes[name]) + wire.unit for name, wire in wires.items()}
        unit = units(arrival, given, constant).to(change.dtype)
        size = change.abs()
        return bool(((size == 0) | ((size - unit).abs() <= TOLERANCE * unit)).all())

    def _order(self, name: str, t: int) -> tuple[object, int, Neuron]:
        sender, neuron = self._senders[name]
        return sender, t, neuron
