"""What spikes of some levels and mantissa bits do in one population, tried by itself."""

import pytest
import torch

from onnx2snn.fitting.local import Targets, mean_digits, parts, record
from onnx2snn.fitting.trying import Trier
from tests.onnx2snn.fitting.test_adaptation import DEEP, converted


def test_one_population_by_hand() -> None:
    targets = Targets(torch.tensor([[0.75, 0.0, 0.25], [0.75, 0.0, 0.375]]), 2.0, 30.0, 1.0)
    exact = targets.tried(8, 3)  # .75 = 1 - .25, then .25, and .125 in the second step
    assert (exact.error, exact.adds) == (0.0, pytest.approx((2 + 1 + 1) / 3 * 30))
    none = targets.tried(1, 0)  # .75 is sent as 1, and a quarter over it is too little to be taken back
    assert (none.error, none.adds) == (pytest.approx((0.25**2 + 0.375**2) / 3 * 4 * 30), pytest.approx(10.0))
    assert parts({"p": targets}, {"p": [(8, 3)]}) == {"p": {(8, 3): exact}}


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
