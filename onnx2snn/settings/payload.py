"""What a spike may carry, and what follows from it: dynamics, levels, mantissa, and a number of time steps."""

import math
from dataclasses import dataclass

from onnx2snn_runtime.errors import InputError

EXPONENT_BITS = 4
"""A graded spike spends so many bits on its exponent, as far as it has them; the rest are its mantissa."""


@dataclass(frozen=True)
class Payload:
    """A kind of spike: the dynamics that send it, how many bits it has, and how its network is set up by default.

    `dynamics` are those that send such a spike, the default first; `bits` are the fewest, the default and the most;
    `scale` and `range` are how its scales are measured, `tolerance` the relative error that fitting aims at.
    """

    dynamics: tuple[str, ...]
    bits: tuple[int, int, int]
    timesteps: int
    scale: str = "layer"
    range: str = "maximum"
    tolerance: float = 0.01


PAYLOADS: dict[str, Payload] = {
    "graded": Payload(("differential",), (3, 8, 24), 2),
    "power": Payload(("differential",), (2, 5, 7), 4),
    "ternary": Payload(("ternary",), (1, 1, 1), 16, "channel", "fitted", 0.1),
    "binary": Payload(("signgd",), (1, 1, 1), 64),
    "unary": Payload(("if", "lif", "subgradient"), (1, 1, 1), 32),
}
"""By name: sign, exponent and mantissa; sign and exponent; sign or silence; a sign at every step; a spike or none."""


def payload_of(dynamics: str | None) -> str:
    """Return the first payload that `dynamics` sends; "graded" for None, and for dynamics from elsewhere."""
    return next((name for name, payload in PAYLOADS.items() if dynamics in payload.dynamics), "graded")


def check_bits(payload: str, bits: int) -> None:
    """Raise InputError where a spike of `payload` cannot have so many bits."""
    least, _, most = PAYLOADS[payload].bits
    if not least <= bits <= most:
        known = f"{least} to {most} bits" if least < most else "one bit"
        raise InputError(f"a {payload} spike has {known}, not {bits}: leave bits out or choose another payload")


def split_bits(payload: str, bits: int) -> tuple[int, int]:
    """Return the levels and mantissa bits that `bits` are by default: 8 bits are a sign, 4 of exponent, 3 of mantissa.

    Silence is no spike and takes none. A power has no mantissa: 5 bits are 16 levels.
    """
    exponent = bits - 1 if payload == "power" else min(EXPONENT_BITS, bits - 1)
    return 2**exponent, bits - 1 - exponent


def bits_of(levels: int, mantissa: int) -> int:
    """Return the bits of a graded spike: its sign, those that tell its levels apart, and its mantissa."""
    return 1 + math.ceil(math.log2(levels)) + mantissa


def default_timesteps(payload: str, bits: int) -> int:
    """Return the time steps that a network of such spikes takes by default: the fewer, the more a spike says."""
    if payload != "graded":
        return PAYLOADS[payload].timesteps
    return 1 if bits >= 10 else 2 if bits >= 7 else 4
