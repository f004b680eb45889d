"""What a spike may carry is one choice, and the rest follows from it."""

from typing import Any

import pytest

from onnx2snn.settings import ConversionSettings, SpikeSettings
from onnx2snn.settings.payload import PAYLOADS, bits_of, split_bits
from onnx2snn_runtime.dynamics.base import DYNAMICS
from onnx2snn_runtime.errors import InputError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("graded", 8, "differential", 16, 3, 2)),
        ({"payload": "graded"}, ("graded", 8, "differential", 16, 3, 2)),
        ({"bits": 10}, ("graded", 10, "differential", 16, 5, 1)),
        ({"bits": 6}, ("graded", 6, "differential", 16, 1, 4)),
        ({"bits": 4}, ("graded", 4, "differential", 8, 0, 4)),
        ({"levels": 12, "mantissa": 1}, ("graded", 8, "differential", 12, 1, 4)),
        ({"levels": 32, "mantissa": 6, "timesteps": 3}, ("graded", 12, "differential", 32, 6, 3)),
        ({"payload": "power"}, ("power", 5, "differential", 16, 0, 4)),
        ({"payload": "power", "bits": 4}, ("power", 4, "differential", 8, 0, 4)),
        ({"payload": "ternary"}, ("ternary", 1, "ternary", 16, 3, 16)),
        ({"dynamics": "ternary"}, ("ternary", 1, "ternary", 16, 3, 16)),
        ({"payload": "binary"}, ("binary", 1, "signgd", 16, 3, 64)),
        ({"payload": "unary"}, ("unary", 1, "if", 16, 3, 32)),
        ({"payload": "unary", "dynamics": "lif"}, ("unary", 1, "lif", 16, 3, 32)),
        ({"dynamics": "subgradient", "timesteps": 9}, ("unary", 1, "subgradient", 16, 3, 9)),
    ],
)
def test_what_follows(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = SpikeSettings(**given).resolved()
    names = ("payload", "bits", "dynamics", "levels", "mantissa", "timesteps")
    assert tuple(getattr(found, name) for name in names) == expected
    assert found.fits_timesteps == ("timesteps" not in given)


def test_a_schedule_is_fitted_unless_it_is_given() -> None:
    assert SpikeSettings(payload="ternary").resolved().fits_schedule
    assert not SpikeSettings(payload="ternary", schedule="inverse").resolved().fits_schedule
    assert not SpikeSettings(payload="ternary", schedule_options={"decay": 0.9}).resolved().fits_schedule
    assert not SpikeSettings(payload="binary").resolved().fits_schedule


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"payload": "analog"}, "there is no choice 'analog' for payload: choose graded, power, ternary"),
        ({"payload": "graded", "dynamics": "signgd"}, "the payload 'graded' is not what the dynamics 'signgd' sends"),
        ({"payload": "unary", "dynamics": "ternary"}, "choose if or lif or subgradient, or leave one of them out"),
        ({"bits": 2}, "a graded spike has 3 to 24 bits, not 2: leave bits out or choose another payload"),
        ({"payload": "ternary", "bits": 8}, "a ternary spike has one bit, not 8"),
        ({"payload": "power", "mantissa": 1}, "mantissa is 1, and a power has none: choose the payload 'graded'"),
        ({"bits": 8, "levels": 32, "mantissa": 3}, "32 levels and 3 mantissa bits take 9 bits, and bits is 8"),
    ],
)
def test_what_does_not_go_together(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        SpikeSettings(**given)


def test_every_dynamics_has_a_payload() -> None:
    assert {name for payload in PAYLOADS.values() for name in payload.dynamics} == set(DYNAMICS)


@pytest.mark.parametrize("bits", range(3, 25))
def test_bits_are_used_up(bits: int) -> None:
    assert bits_of(*split_bits("graded", bits)) == bits
    if bits < 8:
        assert bits_of(*split_bits("power", bits)) == bits


def test_scales_follow_from_the_payload() -> None:
    ranges = ConversionSettings().ranges
    assert ranges.following("channel", "fitted").scale == "channel"
    given = ConversionSettings().updated(range="percentile").ranges.following("channel", "fitted")
    assert (given.scale, given.range) == ("layer", "percentile")
