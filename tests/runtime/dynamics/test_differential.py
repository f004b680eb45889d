"""What a graded spike can say: the table of DESIGN.md 1, worked out by hand."""

import math

import pytest
import torch

from onnx2snn_runtime.dynamics.base import Neuron, make_dynamics
from onnx2snn_runtime.dynamics.differential import Differential, quantise
from onnx2snn_runtime.errors import InputError

NAN, INF = math.nan, math.inf

# error, scale, levels, mantissa, spike
TABLE = [
    # levels 3: lo = 1/4, silent up to 1/8; one mantissa bit: 1/4, 3/8, 1/2, 3/4, 1, 3/2
    (0.0, 1.0, 3, 1, 0.0),
    (0.124, 1.0, 3, 1, 0.0),
    (0.125, 1.0, 3, 1, 0.0),  # lo / 2 itself is a tie of 0 and lo: to the even one, which ends it
    (0.126, 1.0, 3, 1, 0.25),  # no spike is smaller than lo
    (0.2, 1.0, 3, 1, 0.25),
    (0.25, 1.0, 3, 1, 0.25),
    (0.3, 1.0, 3, 1, 0.25),
    (0.3125, 1.0, 3, 1, 0.25),  # a tie of 2/8 and 3/8: to the even one
    (0.32, 1.0, 3, 1, 0.375),
    (0.4375, 1.0, 3, 1, 0.5),  # a tie of 3/8 and 4/8: to the even one, over the octave
    (0.625, 1.0, 3, 1, 0.5),  # 2/4 and 3/4
    (0.875, 1.0, 3, 1, 1.0),  # 3/4 and 4/4
    (1.25, 1.0, 3, 1, 1.0),  # 2/2 and 3/2
    (1.3, 1.0, 3, 1, 1.5),
    (1.75, 1.0, 3, 1, 1.5),  # 3/2 and 4/2, but 3/2 is the largest
    (100.0, 1.0, 3, 1, 1.5),
    # no mantissa: powers of two; a tie lies between q = 1 and q = 2, of which 2 is even
    (0.19, 1.0, 3, 0, 0.25),
    (0.374, 1.0, 3, 0, 0.25),
    (0.375, 1.0, 3, 0, 0.5),
    (0.75, 1.0, 3, 0, 1.0),
    (1.5, 1.0, 3, 0, 1.0),  # 2 is out of reach: 2 - 2^0 = 1 is the largest
    (7.0, 1.0, 3, 0, 1.0),
    # one level: 1 or nothing, with three mantissa bits up to 15/8
    (0.49, 1.0, 1, 3, 0.0),
    (0.5, 1.0, 1, 3, 0.0),
    (0.51, 1.0, 1, 3, 1.0),
    (1.0625, 1.0, 1, 3, 1.0),  # 8/8 and 9/8
    (1.1875, 1.0, 1, 3, 1.25),  # 9/8 and 10/8
    (3.0, 1.0, 1, 3, 1.875),
    # two mantissa bits: below one, a = 0.8125 is 13/16: between 3/4 and 7/8
    (0.8125, 1.0, 4, 2, 0.75),
    (0.9375, 1.0, 4, 2, 1.0),
    # the scale multiplies all of it
    (0.501, 4.0, 3, 1, 1.0),  # a is above 1/8
    (0.5, 4.0, 3, 1, 0.0),
    (9.0, 4.0, 3, 1, 6.0),
    (0.04, 0.25, 3, 1, 0.0625),
    # 24 levels: lo = 2^-23
    (2.0**-23.99, 1.0, 24, 0, 2.0**-23),
    (2.0**-24, 1.0, 24, 0, 0.0),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("error", "scale", "levels", "mantissa", "spike"), TABLE)
def test_the_table(error, scale, levels, mantissa, spike, sign, dtype) -> None:
    found = quantise(torch.tensor([sign * error], dtype=dtype), scale, levels, mantissa)
    assert found.item() == sign * spike
    assert found.dtype == dtype
    each = quantise(torch.tensor([[sign * error]], dtype=dtype), torch.tensor([scale], dtype=dtype), levels, mantissa)
    assert each.item() == sign * spike


@pytest.mark.parametrize("scale", [2.0, torch.tensor([2.0])])
@pytest.mark.parametrize(("target", "spike"), [(INF, 2.0), (-INF, -2.0), (1e30, 3.0), (0.0, 0.0)])
def test_targets_that_are_no_numbers(target, spike, scale) -> None:
    dynamics = Differential()
    state, sent = dynamics.step(dynamics.init(torch.zeros(1)), torch.tensor([target]), 1, Neuron(scale))
    assert sent.item() == state.v.item() == spike


@pytest.mark.parametrize("scale", [1.0, torch.tensor([1.0, 2.0])])
@pytest.mark.parametrize("name", ["differential", "ternary"])
def test_nan_is_sent_once(name: str, scale: torch.Tensor | float) -> None:
    dynamics, neuron = make_dynamics(name), Neuron(scale)
    state, _ = dynamics.step(dynamics.init(torch.zeros(2)), torch.tensor([0.75, 0.75]), 1, neuron)
    state, sent = dynamics.step(state, torch.tensor([NAN, 0.5]), 2, neuron)
    assert sent.isnan().tolist() == state.v.isnan().tolist() == [True, False]
    for target in (NAN, 1.0, INF):
        state, sent = dynamics.step(state, torch.tensor([target, 0.5]), 3, neuron)
        assert sent[0].item() == 0.0
        assert state.v.isnan().tolist() == [True, False]


def test_options_override_those_of_the_population() -> None:
    target, neuron = torch.tensor([0.3]), Neuron(1.0, levels=1, mantissa=0)
    assert Differential().step(Differential().init(target), target, 1, neuron)[1].item() == 0.0
    finer = make_dynamics("differential", None, {"levels": 3, "mantissa": 1})
    assert finer.step(finer.init(target), target, 1, neuron)[1].item() == 0.25


def test_annealed_levels_come_one_after_the_other() -> None:
    dynamics, neuron = Differential(annealed=1, rise=2), Neuron(1.0, levels=4, mantissa=0)
    target = torch.tensor([0.4, 0.1, 0.07, 1.0], dtype=torch.float64)
    state, sent = dynamics.init(target), []
    for t in (1, 2, 3):
        state, spike = dynamics.step(state, target, t, neuron)
        sent.append(spike.tolist())
    # levels 1: nothing below 1/2; levels 3: nothing below 1/8; levels 4: nothing below 1/16
    assert sent == [[0.0, 0.0, 0.0, 1.0], [0.5, 0.0, 0.0, 0.0], [-0.125, 0.125, 0.125, 0.0]]


@pytest.mark.parametrize(("name", "value"), [("levels", 0), ("levels", "many"), ("levels", 2.5), ("mantissa", -1)])
def test_graded_spikes_that_cannot_be(name, value) -> None:
    with pytest.raises(InputError, match=f"the {name} of a graded spike are {value!r}: give [01] to"):
        make_dynamics("differential", None, {name: value})


@pytest.mark.parametrize("options", [{"annealed": -1}, {"annealed": 2, "rise": 0}])
def test_levels_that_cannot_be_annealed(options) -> None:
    with pytest.raises(InputError, match=r"the levels start at .* and rise by .* a step: give 0"):
        make_dynamics("differential", None, options)
