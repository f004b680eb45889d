"""The laws that every dynamics keeps, whatever it is made of."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onnx2snn_runtime.dynamics.base import DYNAMICS, Neuron, State, Tensor
from onnx2snn_runtime.optimizers.base import OPTIMIZERS
from tests.runtime.dynamics.cases import CASES, Case, copies, everything, settle

SCALES = st.sampled_from([0.25, 1.0, 4.0, 3.7])
TARGETS = st.lists(st.floats(-1.0, 1.0, width=32), min_size=3, max_size=12)
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def targets(values: list[float], scale: float, case: Case) -> Tensor:
    """Return targets within the reach of the dynamics: |f(x)| <= scale, and for rectifiers x beyond it as well."""
    wide = 2.0 if DYNAMICS[case.name].rectifies else 1.0
    return torch.tensor(values, dtype=torch.float64) * scale * wide


def test_every_dynamics_and_optimizer_is_here() -> None:
    assert {case.name for case in CASES.values()} == set(DYNAMICS)
    assert {"sgd", *(case.options.get("optimizer", "sgd") for case in CASES.values())} == set(OPTIMIZERS)


@every_case
@settings(max_examples=15, deadline=None)
@given(values=TARGETS, scale=SCALES)
def test_the_estimate_converges_within_the_bound_of_its_step_sizes(case, values, scale) -> None:
    dynamics, aim = case.make(), targets(values, scale, case)
    state, _ = settle(dynamics, aim, case.steps, Neuron(scale))
    top = scale * case.options.get("threshold", 1.0)
    wanted = aim.clamp(0.0, top) if dynamics.rectifies else aim
    assert ((state.v - wanted).abs() <= scale * case.bound(state, case.steps) * (1 + 1e-9)).all()


@every_case
@settings(max_examples=10, deadline=None)
@given(values=TARGETS, scale=SCALES)
def test_what_the_caller_holds_is_left_alone(case, values, scale) -> None:
    dynamics, aim = case.make(), targets(values, scale, case)
    held, state = aim.clone(), dynamics.init(aim)
    assert torch.equal(state.v, torch.zeros_like(aim))
    for t in range(1, 6):
        before = copies(state)
        following, spike = dynamics.step(state, aim, t, Neuron(scale))
        again, same = dynamics.step(state, aim, t, Neuron(scale))
        assert all(torch.equal(a, b) for a, b in zip(everything(state), before, strict=True))
        assert torch.equal(spike, same)
        assert all(torch.equal(a, b) for a, b in zip(everything(following), everything(again), strict=True))
        assert torch.equal(aim, held)
        dynamics.decode(following.momentum, following.v, spike, t + 1)
        assert all(torch.equal(a, b) for a, b in zip(everything(following), everything(again), strict=True))
        state = following
    assert state.v.dtype == spike.dtype == torch.float64


@every_case
@settings(max_examples=10, deadline=None)
@given(values=TARGETS, scale=SCALES)
def test_the_decoder_makes_the_estimate_of_the_spikes_alone(case, values, scale) -> None:
    dynamics, aim = case.make(), targets(values, scale, case)
    state, memory, decoded = dynamics.init(aim), (), torch.zeros_like(aim)
    for t in range(1, 12):
        state, spike = dynamics.step(state, aim / t, t, Neuron(scale))
        memory, decoded = dynamics.decode(memory, decoded, spike, t)
        torch.testing.assert_close(decoded, state.v, rtol=0, atol=1e-12)
        assert len(memory) == len(state.momentum)


@every_case
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_decoder_is_linear(case, data) -> None:
    dynamics = case.make()
    numbers = st.lists(st.floats(-3, 3, width=32), min_size=10, max_size=10)
    first, second = (torch.tensor(data.draw(numbers), dtype=torch.float64) for _ in range(2))
    states: list[State] = [State(torch.zeros(1, dtype=torch.float64)) for _ in range(3)]
    for t in range(1, 11):
        for i, current in enumerate((first, second, 2 * first - second)):
            momentum, v = dynamics.decode(states[i].momentum, states[i].v, current[t - 1 : t], t)
            states[i] = State(v, momentum=momentum)
    torch.testing.assert_close(states[2].v, 2 * states[0].v - states[1].v, rtol=0, atol=1e-10)


@every_case
def test_neurons_do_not_see_each_other(case) -> None:
    dynamics, draw = case.make(), torch.Generator().manual_seed(4)
    aim = torch.randn(5, 3, generator=draw, dtype=torch.float64)
    scale = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    whole, _ = settle(dynamics, aim, 9, Neuron(scale))
    for column in range(3):
        alone, _ = settle(dynamics, aim[:, column], 9, Neuron(float(scale[column])))
        assert torch.equal(whole.v[:, column], alone.v)


@every_case
def test_only_differential_settles(case) -> None:
    dynamics = case.make()
    assert dynamics.settles == (case.name == "differential" and "annealed" not in case.options)
    assert dynamics.payload in ("change", "gradient", "value")
    assert (dynamics.payload == "value") == dynamics.rectifies


@settings(max_examples=50, deadline=None)
@given(values=TARGETS, scale=SCALES, levels=st.integers(1, 24), mantissa=st.integers(0, 4))
@example(values=[0.48066115379333496] * 3, scale=3.7, levels=22, mantissa=3)
def test_silence_of_differential_is_a_fixed_point(values, scale, levels, mantissa) -> None:
    dynamics, neuron = CASES["differential"].make(), Neuron(scale, 1, levels, mantissa)
    aim = targets(values, scale, CASES["differential"])
    state, spikes = settle(dynamics, aim, 40, neuron)
    silent = spikes[-1] == 0
    for t in (41, 42, 1000):
        after, spike = dynamics.step(state, aim, t, neuron)
        assert not spike[silent].any()
        assert torch.equal(after.v[silent], state.v[silent])
    tie = (
        (aim - state.v).abs() / scale - 2.0**-levels
    ).abs() < 1e-12  # of the least spike and nothing, but for rounding
    assert (silent | tie).all()


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
@settings(max_examples=60, deadline=None)
@given(x=st.floats(-3, 3), steps=st.integers(1, 200))
def test_the_papers_theorem(x, steps, scale) -> None:
    """`if` and `subgradient` with eta(t) = 1 / (t + 1) are within 2 theta / T of clip(x, 0, theta) and each other."""
    aim, neuron = torch.tensor([x * scale], dtype=torch.float64), Neuron(scale)
    rate, _ = settle(CASES["if"].make(), aim, steps, neuron)
    average, _ = settle(CASES["subgradient"].make(), aim, steps, neuron)
    near = 2 * scale / steps
    for one, other in ((rate.v, aim.clamp(0, scale)), (average.v, aim.clamp(0, scale)), (rate.v, average.v)):
        assert (one - other).abs() <= near
