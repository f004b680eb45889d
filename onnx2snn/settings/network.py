"""Settings of the spiking network: how neurons are grouped, the encoder of the inputs, the delay of spikes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral

from onnx2snn.settings.values import check_choice, check_values
from onnx2snn_runtime.errors import InputError

NEURONS = ("region", "elementwise")
WEIGHTS = ("float", "int8")
RECURRENCE = ("auto", "rolled", "unrolled")


@dataclass(frozen=True)
class NetworkSettings:
    """How the network is made: what a neuron computes, how inputs are coded, how long a spike is on its way.

    `neurons`: "region" makes a neuron of any group of operators, "elementwise" of scalar functions of one or two
    operands alone. `encoder`: "direct" hands float inputs on as they are; any other coding makes them spike and is
    built into the network. `delay` is the number of time steps that a spike is on its way, 0 or 1; a run can override
    it. `recurrence`: "rolled" keeps LSTM, GRU, RNN, Scan and Loop rolled, so that sequences may have any length,
    "unrolled" writes every position out, "auto" does so for short sequences of a fixed length. `weights`: "int8" writes
    the weights of synapses as 8-bit integers with a scale a channel, "float" leaves them. `relays`: a neuron sends on
    what would reach weights as a sum of others, so that all that meets weights is spikes. `batch_axis` names the axis
    of inputs and outputs that counts the samples, None (or "none") where one value is for all samples; what it
    leaves out is found. `shape` fixes free axes of inputs, 0 leaves an axis as it is. What makes no sense raises
    InputError.
    """

    neurons: str = "region"
    encoder: str = "direct"
    delay: int = 0
    recurrence: str = "auto"
    weights: str = "float"
    relays: bool = False
    batch_axis: Mapping[str, int | None] = field(default_factory=dict)
    shape: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_values(self)
        check_choice("neurons", self.neurons, NEURONS)
        check_choice("recurrence", self.recurrence, RECURRENCE)
        check_choice("weights", self.weights, WEIGHTS)
        if self.delay not in (0, 1):
            raise InputError(
                f"the delay is {self.delay!r}: give 0 (spikes arrive within their step) or 1 (in the next one)"
            )
        object.__setattr__(self, "batch_axis", {name: _axis(name, axis) for name, axis in self.batch_axis.items()})
        object.__setattr__(self, "shape", {name: _sizes(name, sizes) for name, sizes in self.shape.items()})


def _axis(name: str, axis: object) -> int | None:
    if axis is None or axis == "none":
        return None
    if not isinstance(axis, Integral) or isinstance(axis, bool) or axis < 0:
        raise InputError(f"the batch axis of {name!r} is {axis!r}: give a number from 0 on, or none")
    return int(axis)


def _sizes(name: str, sizes: object) -> list[int]:
    if not isinstance(sizes, Sequence) or not all(isinstance(n, Integral) and int(n) >= 0 for n in sizes):
        raise InputError(f"the shape of {name!r} is {sizes!r}: give whole numbers, 0 for an axis that stays as it is")
    return [int(n) for n in sizes]
