"""What spikes of some levels and mantissa bits do in one population, tried by itself."""

import pytest
import torch

from onnx2snn.fitting.local import Targets, mean_digits, parts, quantised, record
from onnx2snn.fitting.trying import Trier
from onnx2snn_runtime.dynamics.differential import quantise
from tests.onnx2snn.fitting.test_adaptation import DEEP, converted


def test_one_population_by_hand() -> None:
    targets = Targets(torch.tensor([[0.75, 0.0, 0.25], [0.75, 0.0, 0.375]]), 2.0, 30.0, 1.0)
    found = targets.tried([(8, 3), (1, 0), (8, 3)])
    assert list(found) == [(8, 3), (1, 0)]
    exact = found[8, 3]  # .75 = 1 - .25, then .25, and .125 in the second step
    assert (exact.error, exact.adds, exact.events) == (0.0, pytest.approx((2 + 1 + 1) / 3 * 30), pytest.approx(30.0))
    none = found[1, 0]  # .75 is sent as 1, and a quarter over it is too little to be taken back
    assert (none.error, none.adds) == (pytest.approx((0.25**2 + 0.375**2) / 3 * 4 * 30), pytest.approx(10.0))
    assert parts({"p": targets}, {"p": [(8, 3)]}) == {"p": {(8, 3): exact}}


def test_errors_of_few_levels_and_of_rounding_stand_apart() -> None:
    targets = Targets(torch.rand(1, 200, generator=torch.Generator().manual_seed(0)), 1.0, 200.0, 1.0)
    found = targets.tried([(16, 1), (4, 1), (4, 8)])
    assert found[16, 1].coarse < 1e-3 * found[16, 1].rounding
    assert found[4, 8].rounding == 0.0 < found[4, 8].coarse
    assert found[4, 1].coarse == found[4, 8].coarse
    assert found[4, 1].error == pytest.approx(found[4, 1].coarse + found[4, 1].rounding)


@pytest.mark.parametrize("mantissa", [0, 1, 3, 8, 12])
def test_many_payloads_at_once_are_the_law_of_each(mantissa: int) -> None:
    draw = torch.Generator().manual_seed(1)
    error = torch.cat([torch.randn(4000, generator=draw), torch.rand(4000, generator=draw) * 2.0**-9, torch.zeros(1)])
    error = torch.cat([error, torch.linspace(-2, 2, 1025), torch.linspace(-1, 1, 1025) * 2.0**-7])  # ties, too
    levels = torch.tensor([[1], [4], [9], [16], [40]])
    rows = quantised(error, levels, torch.full_like(levels, mantissa))
    for row, count in zip(rows, levels.ravel().tolist(), strict=True):
        torch.testing.assert_close(row, quantise(error, 1.0, count, mantissa, gradual=True), rtol=0, atol=0)


def test_targets_are_those_of_the_network() -> None:
    snn, held, _ = converted(DEEP)
    trier = Trier(snn, held)
    look = trier.look([2])[0]
    found = record(trier, 2)
    assert list(found) == snn.population_names()
    assert [targets.neurons for targets in found.values()] == [32, 32]
    assert all(len(targets.values) == 2 and targets.values.abs().max() <= 1 for targets in found.values())
    each = mean_digits(found)
    exact = snn.run(held["x"], 2, operations=True).operations[2].shift_adds_per_neuron
    assert look.shift_adds(each) == pytest.approx(exact, rel=0.1)
