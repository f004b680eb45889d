"""The law of `ternary`: what is sent is -1, 0 or 1 times the step size, and only where that brings v nearer."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx2snn_runtime.dynamics.base import Neuron, State, make_dynamics
from onnx2snn_runtime.dynamics.ternary import Ternary
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.exponential import Exponential
from tests.runtime.dynamics.cases import settle

NUMBERS = st.lists(st.floats(-1.0, 1.0, width=32), min_size=1, max_size=9)


def test_by_hand() -> None:
    dynamics, aim = Ternary(schedule=Exponential(0.5, 0.5)), torch.tensor([0.8, -1.6, 0.4, 0.0, 0.5])
    state, spikes = settle(dynamics, aim, 3, Neuron(2.0))
    steps = [[1, -1, 0, 0, 0], [0, -1, 1, 0, 1], [-1, 0, 0, 0, 0]]
    for spike, size, signs in zip(spikes, (1.0, 0.5, 0.25), steps, strict=True):
        assert spike.tolist() == [size * sign for sign in signs]
    assert state.v.tolist() == [0.75, -1.5, 0.5, 0.0, 0.5]


@settings(max_examples=50, deadline=None)
@given(values=NUMBERS, start=NUMBERS, scale=st.sampled_from([0.25, 1.0, 3.7]), t=st.integers(1, 30))
def test_a_spike_is_a_sign_and_brings_the_estimate_nearer(values, start, scale, t) -> None:
    count = min(len(values), len(start))
    aim, v = (torch.tensor(x[:count], dtype=torch.float64) * scale for x in (values, start))
    after, spike = Ternary().step(State(v), aim, t, Neuron(scale))
    move = 0.7 * 0.75 ** (t - 1) * scale
    assert set((spike / move).tolist()) <= {-1.0, 0.0, 1.0}
    fired, gap = spike != 0, (aim - v).abs()
    assert torch.equal(fired, gap > move * 0.5)
    assert ((aim - after.v).abs()[fired] < gap[fired] + 1e-15).all()
    assert torch.equal(after.v, v + spike)


@settings(max_examples=25, deadline=None)
@given(values=NUMBERS, steps=st.integers(1, 20))
def test_powers_of_a_third_write_balanced_ternary_digits(values, steps) -> None:
    aim = torch.tensor(values, dtype=torch.float64)
    state, _ = settle(Ternary(schedule=Exponential(2 / 3, 1 / 3)), aim, steps, Neuron(1.0))
    assert ((state.v - aim).abs() <= 3.0**-steps + 1e-12).all()


def test_it_sends_less_than_signgd() -> None:
    aim = torch.randn(500, generator=torch.Generator().manual_seed(1)) / 3
    quiet, spikes = settle(Ternary(), aim, 12, Neuron(1.0))
    _, others = settle(make_dynamics("signgd", Exponential(0.7, 0.75)), aim, 12, Neuron(1.0))
    sent, all_of_them = (sum(int(s.count_nonzero()) for s in given) for given in (spikes, others))
    assert all_of_them == 12 * 500
    assert sent < 0.6 * all_of_them
    assert (quiet.v - aim).abs().max() <= 0.7 * 0.75**11 / 2 + 1e-6


def test_targets_that_are_no_numbers() -> None:
    aim = torch.tensor([float("inf"), -float("inf")])
    state, _ = settle(Ternary(), aim, 24, Neuron(2.0))
    torch.testing.assert_close(state.v, torch.tensor([2.0, -2.0]), atol=1e-2, rtol=0)


@pytest.mark.parametrize("zone", [0.0, 1.0, -0.5])
def test_a_zone_that_makes_no_sense(zone: float) -> None:
    with pytest.raises(InputError, match=f"the dead zone of a ternary spike is {zone}: give a share of a step"):
        make_dynamics("ternary", options={"zone": zone})
