"""Settings of the spiking network: how neurons are grouped, the encoder of the inputs, the delay of spikes."""

from dataclasses import dataclass

from onnx2snn.settings.values import check_choice, check_values
from onnx2snn_runtime.errors import InputError

NEURONS = ("region", "elementwise")


@dataclass(frozen=True)
class NetworkSettings:
    """How the network is made: what a neuron computes, how inputs are coded, how long a spike is on its way.

    `neurons`: "region" makes a neuron of any group of operators, "elementwise" of scalar functions of one or two
    operands alone. `encoder`: "direct" hands float inputs on as they are; any other coding makes them spike and is
    built into the network. `delay` is the number of time steps that a spike is on its way, 0 or 1; a run can override
    it. What makes no sense raises InputError.
    """

    neurons: str = "region"
    encoder: str = "direct"
    delay: int = 0

    def __post_init__(self) -> None:
        check_values(self)
        check_choice("neurons", self.neurons, NEURONS)
        if self.delay not in (0, 1):
            raise InputError(
                f"the delay is {self.delay!r}: give 0 (spikes arrive within their step) or 1 (in the next one)"
            )
