"""Signed digits of payloads, and what is tallied of them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onnx2snn_runtime.probing.digits import digits_of, signed_digits, tally


def fewest(n: int) -> int:
    """Return the least number of signed powers of two that n is a sum of."""
    if n < 2:
        return n
    return fewest(n // 2) if n % 2 == 0 else 1 + min(fewest(n // 2), fewest(n // 2 + 1))


@given(st.integers(0, 3000))
def test_there_is_no_sum_of_fewer_powers_of_two(n: int) -> None:
    assert signed_digits(n) == fewest(n)


@pytest.mark.parametrize(
    ("value", "digits"), [(1.0, 1), (0.25, 1), (1.5, 2), (1.75, 2), (1.875, 2), (1.25, 2), (1.625, 3), (0.0, 0)]
)
@pytest.mark.parametrize("scale", [1.0, 2.0**-9, 4.0])
def test_digits_of_a_payload(value: float, digits: int, scale: float) -> None:
    assert digits_of(torch.tensor([value * scale]), 3).tolist() == [digits]


def test_digits_of_more_bits_than_there_are_are_rounded() -> None:
    assert digits_of(torch.tensor([1.0 + 2.0**-20, 2.0 - 2.0**-20]), 3).tolist() == [1, 1]


def test_a_tally_by_hand() -> None:
    changes = torch.tensor([[[0.5, 0.0, -0.75], [0.5, 0.5, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, -0.5]]])
    found = tally(changes, torch.tensor([1.0, 2.0, 10.0]), 1, 0.5)
    assert found.met.tolist() == [1 + 10 + 1 + 2, 10]
    assert found.added.tolist() == [1 + 2 * 10 + 1 + 2, 10]
    assert found.graded.tolist() == [True, False]  # 0.75 is one unit and a half
    real = tally(changes, torch.tensor([1.0, 2.0, 10.0]), None, 1.0)
    assert (real.met.tolist(), real.added.tolist(), real.graded.tolist()) == ([14, 10], [0, 0], [True, True])


def test_units_of_steps_and_channels() -> None:
    changes = torch.tensor([[[0.5, 0.0]], [[0.125, -0.25]]])
    unit = torch.tensor([[[0.5, 1.0]], [[0.125, 0.25]]])
    assert tally(changes, torch.ones(1), 0, unit).graded.tolist() == [False, False]
    assert tally(changes, torch.ones(1), 0, 0.5).graded.tolist() == [False, True]
