"""Settings of spikes: dynamics, schedule, levels and mantissa bits, time steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onnx2snn.settings.values import check_values
from onnx2snn_runtime.errors import InputError

MOST_LEVELS, MOST_MANTISSA = 100, 20


@dataclass(frozen=True)
class SpikeSettings:
    """What a spike may carry: the neuron's dynamics, the payload of graded spikes, and step sizes over time.

    `dynamics` (differential, signgd, ternary, subgradient, if, lif; with `dynamics_options`) is how a neuron decides
    what to send. A graded spike (differential) is one of `levels` powers of two, from 1 to 100, with `mantissa` bits,
    from 0 to 20. `schedule` (constant, exponential, inverse, polynomial, sqrt; with `schedule_options`) gives the step
    size of the other dynamics at every time step. `timesteps` is the number of steps that a run takes. All but the
    payload can be overridden when the network runs. What makes no sense raises InputError.
    """

    dynamics: str = "differential"
    dynamics_options: Mapping[str, Any] = field(default_factory=dict)
    schedule: str = "exponential"
    schedule_options: Mapping[str, Any] = field(default_factory=dict)
    levels: int = 12
    mantissa: int = 1
    timesteps: int = 4

    def __post_init__(self) -> None:
        check_values(self)
        if not 1 <= self.levels <= MOST_LEVELS or not 0 <= self.mantissa <= MOST_MANTISSA:
            raise InputError(
                f"levels is {self.levels} and mantissa {self.mantissa}: give 1 to {MOST_LEVELS} levels and 0 to "
                f"{MOST_MANTISSA} mantissa bits"
            )
        if self.timesteps < 1:
            raise InputError(f"timesteps is {self.timesteps}: give 1 or more")
