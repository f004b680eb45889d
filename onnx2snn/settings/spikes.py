"""Settings of spikes: dynamics, schedule, levels and mantissa bits, time steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onnx2snn.settings.payload import PAYLOADS, bits_of, check_bits, default_timesteps, payload_of, split_bits
from onnx2snn.settings.values import check_choice, check_values
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.ranges import MOST_STEPS

MOST_LEVELS, MOST_MANTISSA = 100, 20


@dataclass(frozen=True)
class Spikes:
    """The settings of spikes with nothing left open: see `SpikeSettings`.

    `fits_schedule`, `fits_timesteps` and `fits_bits` say whether the conversion is to find the schedule, the number of
    time steps, and more bits where these do not do; what stands here is what it starts from.
    """

    payload: str
    bits: int
    dynamics: str
    dynamics_options: Mapping[str, Any]
    schedule: str
    schedule_options: Mapping[str, Any]
    levels: int
    mantissa: int
    timesteps: int
    fits_schedule: bool
    fits_timesteps: bool
    fits_bits: bool


@dataclass(frozen=True)
class SpikeSettings:
    """What a spike may carry is one choice; the neuron's dynamics, levels, mantissa and time steps follow from it.

    `payload`: "graded" (sign, exponent and mantissa, in `bits`: 8 are a sign, 4 of exponent, 3 of mantissa), "power"
    (sign and exponent), "ternary" (sign or silence), "binary" (a sign at every step) or "unary" (a spike or none). What
    follows can be set instead, where it goes with the payload (None: it follows): `dynamics` (differential, ternary,
    signgd, if, lif, subgradient; with `dynamics_options`) is how a neuron decides what to send; `levels` from 1 to 100
    powers of two and `mantissa` from 0 to 20 bits are what a graded spike starts with; `schedule` (constant,
    exponential, inverse, polynomial, sqrt; with `schedule_options`) is the step size of the other dynamics at every
    time step; `timesteps` are the steps that a run takes, which adaptation raises only where they are left open.
    Dynamics alone choose the payload that they send. All but the payload can be overridden when the network runs. What
    makes no sense raises InputError.
    """

    payload: str | None = None
    bits: int | None = None
    dynamics: str | None = None
    dynamics_options: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    schedule_options: Mapping[str, Any] = field(default_factory=dict)
    levels: int | None = None
    mantissa: int | None = None
    timesteps: int | None = None

    def __post_init__(self) -> None:
        check_values(self)
        if self.levels is not None and not 1 <= self.levels <= MOST_LEVELS:
            raise InputError(f"levels is {self.levels}: give 1 to {MOST_LEVELS} levels")
        if self.mantissa is not None and not 0 <= self.mantissa <= MOST_MANTISSA:
            raise InputError(f"mantissa is {self.mantissa}: give 0 to {MOST_MANTISSA} mantissa bits")
        if self.timesteps is not None and not 1 <= self.timesteps <= MOST_STEPS:
            raise InputError(f"timesteps is {self.timesteps}: give 1 to {MOST_STEPS:,} time steps")
        if self.payload is not None:
            check_choice("payload", self.payload, tuple(PAYLOADS))
        if self.bits is not None:
            check_bits(self.kind, self.bits)
        self._check_together()

    def _check_together(self) -> None:
        """Raise InputError for what the payload cannot carry."""
        fitting = PAYLOADS[self.kind].dynamics
        if self.payload is not None and self.dynamics is not None and self.dynamics not in fitting:
            raise InputError(
                f"the payload {self.payload!r} is not what the dynamics {self.dynamics!r} sends: "
                f"choose {' or '.join(fitting)}, or leave one of them out"
            )
        if self.kind == "power" and self.mantissa:
            raise InputError(f"mantissa is {self.mantissa}, and a power has none: choose the payload 'graded'")
        if self.bits is not None and self.graded:
            levels, mantissa = self._split()
            if bits_of(levels, mantissa) > self.bits:
                raise InputError(
                    f"{levels} levels and {mantissa} mantissa bits take {bits_of(levels, mantissa)} bits, and bits is "
                    f"{self.bits}: leave one of them out"
                )

    @property
    def kind(self) -> str:
        """The payload that was asked for, by its name or by its dynamics."""
        return self.payload or payload_of(self.dynamics)

    @property
    def graded(self) -> bool:
        """Whether spikes have levels, and perhaps a mantissa."""
        return PAYLOADS[self.kind].dynamics == ("differential",)

    def _split(self) -> tuple[int, int]:
        """Return the levels and the mantissa bits."""
        kind = self.kind if self.graded else "graded"
        levels, mantissa = split_bits(kind, self.bits if self.bits and self.graded else PAYLOADS[kind].bits[1])
        return self.levels or levels, mantissa if self.mantissa is None else self.mantissa

    def resolved(self) -> Spikes:
        """Return the settings with what follows from the payload filled in."""
        payload, (levels, mantissa) = PAYLOADS[self.kind], self._split()
        bits = payload.bits[1] if self.bits is None else self.bits
        used = bits_of(levels, mantissa) if self.graded else bits
        return Spikes(
            payload=self.kind,
            bits=max(bits, used),
            dynamics=self.dynamics or payload.dynamics[0],
            dynamics_options=self.dynamics_options,
            schedule=self.schedule or "exponential",
            schedule_options=self.schedule_options,
            levels=levels,
            mantissa=mantissa,
            timesteps=self.timesteps or default_timesteps(self.kind, used),
            fits_schedule=self.kind == "ternary" and self.schedule is None and not self.schedule_options,
            fits_timesteps=self.timesteps is None,
            fits_bits=self.payload in (None, "graded") and self.graded and self.bits is None,
        )
