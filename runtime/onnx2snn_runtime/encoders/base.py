"""The interface of encoders: an encoder is a population whose target is the input itself; `direct` needs none.

An encoder updates its estimate with the dynamics of the network, its carrier, so that its spikes are decoded like those
of the neurons. Under `differential`, which has no schedule, the carrier is plain signgd, which also sends changes of v.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.registry import Registry
from onnx2snn_runtime.schedules.base import Schedule, construct


class Encoder(Protocol):
    """The interface of an encoder, a subset of that of a dynamics."""

    @property
    def settles(self) -> bool:
        """Whether a silent encoder stays silent while its input is constant."""
        ...

    def init(self, like: Tensor) -> State:
        """Return the state before the first step, shaped like `like`; v is zero."""
        ...

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the state after step t >= 1 towards the input `target`, and the spike."""
        ...


class Carrier(Dynamics, Protocol):
    """A dynamics that can also encode an input, by float payloads (`relay`) or by spikes (`follow`)."""

    def relay(self, state: State, value: Tensor, t: int) -> tuple[State, Tensor]:
        """Step towards `value` with a float payload."""
        ...

    def follow(self, state: State, value: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Step towards `value` with a spike."""
        ...


class Carried:
    """Base class of encoders with a carrier."""

    carrier: Carrier

    @property
    def settles(self) -> bool:
        """Whether a silent encoder stays silent: these may fire at any step."""
        return False

    def init(self, like: Tensor) -> State:
        """Return v = 0."""
        return self.carrier.init(like)


ENCODERS: Registry[type[Any]] = Registry("encoder", "onnx2snn_runtime.encoders")


def make_encoder(
    name: str, dynamics: Dynamics, schedule: Schedule | None = None, options: Mapping[str, Any] | None = None
) -> Encoder | None:
    """Return the encoder `name` for `dynamics`, or None for `direct`: the input is a constant current.

    An encoder whose payload the decoder of the dynamics cannot decode raises InputError, which names those that fit.
    """
    cls = ENCODERS[name]
    if name == "direct":
        construct(cls, f"encoder {name!r}", options or {})
        return None
    if dynamics.payload not in cls.payloads:
        fitting = [other for other in ENCODERS if dynamics.payload in ENCODERS[other].payloads]
        raise InputError(
            f"the encoder {name!r} does not fit dynamics that send a {dynamics.payload}: choose {', '.join(fitting)}"
        )
    given: dict[str, Any] = {}
    if "carrier" in cls.__dataclass_fields__:
        own = SignGD() if schedule is None else SignGD(schedule)
        given["carrier"] = dynamics if hasattr(dynamics, "relay") else own
    encoder: Encoder = construct(cls, f"encoder {name!r}", options or {}, **given)
    return encoder


def uniform(like: Tensor, seed: int, stream: int, t: int) -> Tensor:
    """Return random numbers in [0, 1) shaped like `like`; they depend on seed, stream and step, not on the device."""
    draws = torch.Generator().manual_seed(hash((seed, stream, t)) % 2**63)
    return torch.rand(like.shape, generator=draws, dtype=torch.float64).to(like.device, non_blocking=True)
