"""Every optimizer takes the steps of torch.optim."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from onnx2snn_runtime.dynamics.base import Neuron, make_dynamics
from onnx2snn_runtime.errors import InputError, RegistryError
from onnx2snn_runtime.schedules.base import make_schedule

CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("sgd", {}, torch.optim.SGD),
    ("sgd", {"momentum": 0.5}, torch.optim.SGD),
    ("sgd", {"momentum": 0.9, "dampening": 0.25}, torch.optim.SGD),
    ("sgd", {"momentum": 0.5, "nesterov": True, "weight_decay": 0.25}, torch.optim.SGD),
    ("sgd", {"weight_decay": 0.5}, torch.optim.SGD),
    ("rmsprop", {}, torch.optim.RMSprop),
    ("rmsprop", {"alpha": 0.7, "eps": 0.125, "momentum": 0.5, "weight_decay": 0.25}, torch.optim.RMSprop),
    ("rmsprop", {"alpha": 0.9, "eps": 1e-3, "centered": True}, torch.optim.RMSprop),
    ("rprop", {}, torch.optim.Rprop),
    ("rprop", {"etas": (0.25, 1.5), "step_sizes": (0.01, 0.2)}, torch.optim.Rprop),
]


@pytest.mark.parametrize(("name", "options", "torch_optimizer"), CASES)
@settings(max_examples=15, deadline=None)
@given(x=st.lists(st.floats(-2, 2, width=32), min_size=2, max_size=6), scale=st.sampled_from([0.5, 1.0, 4.0]))
def test_a_neuron_moves_as_torch_does(name, options, torch_optimizer, x, scale) -> None:
    schedule = make_schedule("exponential", {"initial": 0.25, "decay": 0.9})
    dynamics = make_dynamics("signgd", schedule, {"optimizer": name, **options})
    target = torch.tensor(x, dtype=torch.float64)
    parameter = torch.zeros_like(target, requires_grad=True)
    reference = torch_optimizer([parameter], lr=schedule(1), **options)
    state = dynamics.init(target)
    for t in range(1, 25):
        reference.param_groups[0]["lr"] = schedule(t)
        parameter.grad = torch.where(state.v >= target, 1.0, -1.0).double()
        reference.step()
        state, _ = dynamics.step(state, target, t, Neuron(scale))
        torch.testing.assert_close(state.v, parameter.detach() * scale, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": -1.0}, "'sgd' has momentum and weight_decay .*: neither can be negative"),
        ({"nesterov": True}, "'sgd' with nesterov needs a momentum above 0 and no dampening"),
        ({"optimizer": "rmsprop", "alpha": 1.5}, "'rmsprop' has alpha, .*: give 0 <= alpha <= 1"),
        ({"optimizer": "rprop", "etas": (1.5, 2.0)}, "'rprop' has etas .*: give 0 < etas"),
        ({"optimizer": "rprop", "step_sizes": (1.0, 0.5)}, "'rprop' has step_sizes .*: give the least and the largest"),
        ({"alpha": 0.5}, "'signgd' with the optimizer 'sgd' has no option 'alpha': it has momentum, dampening"),
    ],
)
def test_options_that_do_not_fit(options, message) -> None:
    with pytest.raises(InputError, match=message):
        make_dynamics("signgd", None, options)


def test_an_unknown_optimizer() -> None:
    with pytest.raises(RegistryError, match="there is no optimizer 'rmsprob': did you mean 'rmsprop'"):
        make_dynamics("signgd", None, {"optimizer": "rmsprob"})
