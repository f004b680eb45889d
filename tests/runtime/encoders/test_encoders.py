"""Input codings: what they send, where they converge, and what they refuse."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx2snn_runtime.dynamics.base import Neuron, make_dynamics
from onnx2snn_runtime.encoders.base import ENCODERS, make_encoder
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.schedules.base import make_schedule
from tests.runtime.dynamics.cases import copies, everything, settle
from tests.runtime.networks import MLP, network, sample

X = torch.tensor([0.7, -0.4, 0.0, 1.0, -1.0], dtype=torch.float64)
FALLING = make_schedule("inverse")


def encoder(name: str, dynamics: str, seed: int | None = None):
    own = make_dynamics(dynamics, FALLING if dynamics == "signgd" else None)
    return make_encoder(name, own, FALLING, {} if seed is None else {"seed": seed})


FITTING = [
    (name, dynamics)
    for name in ENCODERS
    if name != "direct"
    for dynamics in ("differential", "signgd", "subgradient", "if", "lif")
    if make_dynamics(dynamics).payload in ENCODERS[name].payloads
]


@pytest.mark.parametrize(("name", "dynamics"), FITTING)
@settings(max_examples=8, deadline=None)
@given(values=st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=8), scale=st.sampled_from([1.0, 4.0]))
def test_an_encoder_finds_its_input(name, dynamics, values, scale) -> None:
    x = torch.tensor(values, dtype=torch.float64) * scale
    state, _ = settle(encoder(name, dynamics), x, 400, Neuron(scale))
    # random codings forget nothing (if) or all but the last ten steps (lif)
    noisy = {"poisson": 0.16 if dynamics != "lif" else 0.8, "stochastic_spike": 0.3}
    bound = noisy.get(name, 0.1 if dynamics == "lif" else 0.01)
    assert ((state.v - x).abs() <= bound * scale + 1e-12).all()


@pytest.mark.parametrize(("name", "dynamics"), FITTING)
def test_a_step_leaves_its_arguments_alone(name, dynamics) -> None:
    made, x = encoder(name, dynamics), X.clone()
    state, _ = settle(made, x, 3, Neuron(1.0))
    before = copies(state)
    after, spike = made.step(state, x, 4, Neuron(1.0))
    again, same = made.step(state, x, 4, Neuron(1.0))
    assert all(torch.equal(a, b) for a, b in zip(everything(state), before, strict=True))
    assert torch.equal(after.v, again.v)
    assert torch.equal(spike, same)
    assert torch.equal(x, X)
    assert made.settles == (name == "differential")


def test_what_is_sent() -> None:
    _, spikes = settle(encoder("spike", "if"), X * 2, 4, Neuron(2.0))
    assert torch.stack(spikes).tolist() == [
        [2.0, -2.0, 0.0, 2.0, -2.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [2.0, 0.0, 0.0, 2.0, -2.0],
        [2.0, -2.0, 0.0, 2.0, -2.0],
    ]
    _, spikes = settle(encoder("poisson", "if"), X * 2, 50, Neuron(2.0))
    sent = torch.stack(spikes)
    assert set(sent[:, 0].tolist()) == {0.0, 2.0}
    assert set(sent[:, 1].tolist()) == {0.0, -2.0}
    assert (sent[:, 2] == 0).all()
    assert (sent[:, 3] == 2).all()
    _, spikes = settle(encoder("float", "if"), X, 3, Neuron(2.0))
    assert all(torch.equal(spike, X) for spike in spikes)
    _, spikes = settle(encoder("float", "signgd"), X, 2, Neuron(2.0))
    assert torch.equal(spikes[0], X)  # eta(1) = 1: there at once
    assert not spikes[1].any()
    for name in ("spike", "stochastic_spike"):
        _, spikes = settle(encoder(name, "signgd"), X, 3, Neuron(2.0))
        assert [set(spike.abs().tolist()) for spike in spikes] == [{2.0}, {1.0}, {2.0 / 3}]


def test_a_tie_of_the_spike_coding_goes_up() -> None:
    _, spikes = settle(encoder("spike", "signgd"), torch.zeros(1), 1, Neuron(1.0))
    assert spikes[0].item() == 1.0


@pytest.mark.parametrize(("name", "dynamics"), [("poisson", "if"), ("stochastic_spike", "signgd")])
def test_draws_are_a_function_of_the_seed_the_input_and_the_step(name, dynamics) -> None:
    x = torch.full((2000,), 0.3, dtype=torch.float64)

    def sent(seed: int, stream: int = 0) -> torch.Tensor:
        return torch.stack(settle(encoder(name, dynamics, seed), x, 3, Neuron(1.0, stream=stream))[1])

    assert torch.equal(sent(3), sent(3))
    assert not torch.equal(sent(3), sent(4))
    assert not torch.equal(sent(3), sent(3, stream=1))
    rate = 0.3 if name == "poisson" else 1 / (1 + np.exp(-0.3))
    assert float((sent(3)[0] > 0).double().mean()) == pytest.approx(rate, abs=0.04)
    single = torch.stack(settle(encoder(name, dynamics, 3), x.float(), 3, Neuron(1.0))[1])
    assert torch.equal(single[0] > 0, sent(3)[0] > 0)


def test_a_run_is_reproducible() -> None:
    snn = network(MLP, spiking_inputs=("x",), input_scales={"x": 4.0}, encoder="poisson", dynamics="if")
    x = sample(snn, 3)["x"]
    state = torch.random.get_rng_state()
    first, second = snn(x, timesteps=6), snn(x, timesteps=6)
    other = snn(x, timesteps=6, encoder_options={"seed": 9})
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0.01
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "dynamics", "options", "message"),
    [
        (
            "poisson",
            "signgd",
            {},
            "the encoder 'poisson' does not fit dynamics that send a change: choose differential",
        ),
        ("differential", "if", {}, "'differential' does not fit dynamics that send a value: choose direct, float, poi"),
        ("stochastic_spike", "subgradient", {}, "choose direct, float, poisson, spike"),
        ("poisson", "if", {"rate": 1}, "the encoder 'poisson' has no option 'rate': it has seed"),
        ("float", "if", {"seed": 1}, "the encoder 'float' has no option 'seed': it has none"),
        ("direct", "if", {"seed": 1}, "the encoder 'direct' has no option 'seed': it has none"),
    ],
)
def test_what_does_not_fit(name, dynamics, options, message) -> None:
    with pytest.raises(InputError, match=message):
        make_encoder(name, make_dynamics(dynamics), None, options)


def test_changes_do_not_meet_gradients() -> None:
    momentum = make_dynamics("signgd", None, {"momentum": 0.5})
    with pytest.raises(InputError, match="'differential' does not fit dynamics that send a gradient: choose direct"):
        make_encoder("differential", momentum)
