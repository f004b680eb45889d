"""What an input coding is: a population whose target is the input itself; or `direct`, which needs none.

An encoder moves its estimate through its carrier, the dynamics of the network, so that what it sends can travel with
the spikes of the neurons and is decoded as they are. Under `differential`, which takes no schedule, plain signgd
carries: there, too, what is sent is the change of v.
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
    """The interface of an encoder: the part of a dynamics that it has."""

    @property
    def settles(self) -> bool:
        """Whether silence means that nothing will move again while the input stands still."""
        ...

    def init(self, like: Tensor) -> State:
        """Return the state before the first step, shaped like `like`; v is zero."""
        ...

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the state after step t >= 1 towards the input `target`, and what is sent."""
        ...


class Carrier(Dynamics, Protocol):
    """A dynamics that can also follow an input, by floats (`relay`) or by spikes (`follow`)."""

    def relay(self, state: State, value: Tensor, t: int) -> tuple[State, Tensor]:
        """Move towards `value` by what a float can say."""
        ...

    def follow(self, state: State, value: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Move towards `value` by what a spike can say."""
        ...


class Carried:
    """What encoders with a carrier have in common."""

    carrier: Carrier

    @property
    def settles(self) -> bool:
        """Whether silence lasts: an encoder that never stops has none."""
        return False

    def init(self, like: Tensor) -> State:
        """Return v = 0."""
        return self.carrier.init(like)


ENCODERS: Registry[type[Any]] = Registry("encoder", "onnx2snn_runtime.encoders")


def make_encoder(
    name: str, dynamics: Dynamics, schedule: Schedule | None = None, options: Mapping[str, Any] | None = None
) -> Encoder | None:
    """Return the encoder `name` for `dynamics`, or None for `direct`: the input is a constant current.

    An encoder that cannot speak to the decoder of the dynamics raises InputError with those that can.
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
    """Return numbers in [0, 1) shaped like `like`, the same on every device: a function of seed, stream and step."""
    draws = torch.Generator().manual_seed(hash((seed, stream, t)) % 2**63)
    return torch.rand(like.shape, generator=draws, dtype=torch.float64).to(like.device)
