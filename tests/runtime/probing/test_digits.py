"""Signed digits of payloads, and what is tallied of them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onnx2snn_runtime.kernels import tally as kernel
from onnx2snn_runtime.kernels.compiling import unavailable
from onnx2snn_runtime.kernels.tallied import MOST
from onnx2snn_runtime.probing.digits import digits_of, signed_digits, tally, tally_by_steps
from onnx2snn_runtime.probing.sums import FEW


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


def test_what_is_no_number_has_no_digits() -> None:
    assert digits_of(torch.tensor([torch.nan, torch.inf, 0.0, 1.5]), 3).tolist() == [0, 0, 0, 2]


WAYS = [tally, tally_by_steps]


def counted(way, changes: torch.Tensor, fan: torch.Tensor, mantissa: int | None, unit: torch.Tensor | float) -> list:
    values = changes.cumsum(0)
    return [each.tolist() for each in way(values, torch.zeros_like(changes[0]), fan, mantissa, unit)]


@pytest.mark.parametrize("way", WAYS)
def test_a_tally_by_hand(way) -> None:
    changes = torch.tensor([[[0.5, 0.0, -0.75], [0.5, 0.5, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, -0.5]]])
    fan = torch.tensor([1.0, 2.0, 10.0])
    met = [1 + 10 + 1 + 2, 10]
    assert counted(way, changes, fan, 1, 0.5) == [met, [1 + 2 * 10 + 1 + 2, 10], [4, 1], [5, 1], [True, False]]
    assert counted(way, changes, fan, 0, 0.5) == [met, met, [4, 1], [4, 1], [True, False]]  # 0.75 is no unit
    assert counted(way, changes, fan, None, 1.0) == [met, [0, 0], [4, 1], [0, 0], [True, True]]


@pytest.mark.parametrize("way", WAYS)
def test_units_of_steps_and_channels(way) -> None:
    changes = torch.tensor([[[0.5, 0.0]], [[0.125, -0.25]]])
    unit = torch.tensor([[[0.5, 1.0]], [[0.125, 0.25]]])
    one = torch.ones(1)
    assert counted(way, changes, one, 0, unit)[4] == [False, False]
    assert counted(way, changes, one, 0, 0.5)[4] == [False, True]
    assert counted(way, changes, one, 0, torch.tensor([[[0.5]], [[0.125]]]))[4] == [False, True]
    assert counted(way, changes, one, 0, torch.tensor([0.5, 1.0]))[4] == [False, True]


@pytest.mark.skipif(unavailable("tally") is not None, reason="there is no C compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mantissa", [None, 0, 1, 3, 7, 16])
@pytest.mark.parametrize("whole", [False, True])
def test_the_kernel_counts_as_torch_does(dtype: torch.dtype, mantissa: int | None, whole: bool) -> None:
    draw = torch.Generator().manual_seed(3)
    spikes = torch.randint(-(2**17), 2**17, (5, 3, 7, 9, 11), generator=draw).to(dtype) / 2**10
    spikes *= torch.rand(spikes.shape, generator=draw) < 0.3
    unit = torch.tensor([0.5, 2, 1, 4, 8, 0.25, 1])[:, None, None]
    fan = torch.randint(0, 50, (3 * 693 if whole else 693,), generator=draw).float()
    values, before = spikes[1:], spikes[0]
    turned = values.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)  # channels last, read where they lie
    for units in (unit, 0.125, torch.stack([unit * 2.0**-t for t in range(4)])[:, None]):
        expected = [each.tolist() for each in tally_by_steps(values, before, fan, mantissa, units)]
        for laid in (values, turned, values.transpose(3, 4).contiguous().transpose(3, 4)):
            assert [each.tolist() for each in tally(laid, before, fan, mantissa, units)] == expected
        assert [each.tolist() for each in tally(turned, before, fan[:1], mantissa, units)] == [
            each.tolist() for each in tally_by_steps(values, before, fan[:1], mantissa, units)
        ]


def test_more_weights_than_a_block_can_add_up_are_counted_too() -> None:
    assert counted(tally, torch.ones(1, 300), torch.tensor([2.0**24]), 0, 1.0)[0] == [300 * 2**24]


@pytest.mark.skipif(unavailable("tally") is not None, reason="there is no C compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("changes", [False, True])
def test_the_kernel_takes_sums_as_torch_does(dtype: torch.dtype, changes: bool) -> None:
    draw = torch.Generator().manual_seed(3)
    sums = torch.randint(-64, 64, (4, 2, 5, 70), generator=draw).to(dtype) * (torch.rand(4, 2, 5, 70) < 0.5)
    unit = torch.tensor([0.25, 1, 2, 3, 1], dtype=dtype)[:, None].expand(1, 5, 70)
    fan = torch.randint(0, 50, (350,), generator=draw).float()
    values, before = (sums.cumsum(0), torch.zeros(2, 5, 70, dtype=dtype)) if changes else (sums, None)
    weights = kernel.ready(values, fan, unit)
    assert weights is not None
    found = kernel.run(values, before, weights, None, sums=True)
    ratio, wide = sums.abs() / unit, fan.reshape(5, 70).double()
    digits, many = digits_of(ratio, MOST), digits_of(ratio, MOST) > FEW

    def met(counts: torch.Tensor) -> list[float]:
        return (counts * wide).sum((1, 2, 3)).tolist()

    assert found[:, 0].tolist() == met(sums != 0)
    assert found[:, 1].tolist() == met(digits.masked_fill(many, 0))
    assert found[:, 2].tolist() == met(many)
    assert found[:, 3].tolist() == ((ratio > 0) & (ratio != 1)).sum((1, 2, 3)).tolist()
