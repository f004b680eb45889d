"""Every dynamics with the options it is tested with, and the bound of its step sizes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, State, Tensor, make_dynamics
from onnx2snn_runtime.encoders.base import ENCODERS
from onnx2snn_runtime.schedules.base import make_schedule


@dataclass(frozen=True)
class Case:
    """A dynamics; `bound(final, T)` is how far its estimate may be off after T steps, in units of the scale."""

    name: str
    bound: Callable[[State, int], Any]
    options: dict[str, Any] = field(default_factory=dict)
    schedule: tuple[str, dict[str, float]] | None = None
    steps: int = 128

    def make(self) -> Dynamics:
        return make_dynamics(self.name, make_schedule(*self.schedule) if self.schedule else None, self.options)

    @property
    def run_options(self) -> dict[str, Any]:
        schedule = dict(zip(("schedule", "schedule_options"), self.schedule or (), strict=False))
        return {"dynamics": self.name, "dynamics_options": self.options, **schedule}


def falling(t: int, initial: float = 0.15) -> float:
    """The default schedule of the paper."""
    return initial * 0.95 ** (t - 1)


def largest_rprop_step(final: State, t: int) -> Tensor:
    """After a step d over the target the sign flips, and the next one is half as long: no further off than d."""
    return 2 * final.memory[1].max()


CASES = {
    "differential": Case("differential", lambda s, t: 2.0**-12),
    "differential, few levels": Case("differential", lambda s, t: 2.0**-5, {"levels": 5, "mantissa": 0}),
    "differential, annealed": Case("differential", lambda s, t: 2.0**-12, {"annealed": 3, "rise": 1}),
    "differential, dead zone": Case("differential", lambda s, t: 0.125, {"dead_zone": 0.125}),
    "differential, gradual": Case("differential", lambda s, t: 2.0**-6, {"levels": 6, "mantissa": 3, "gradual": True}),
    "signgd": Case("signgd", lambda s, t: falling(t)),
    "signgd, inverse": Case("signgd", lambda s, t: 1 / t, schedule=("inverse", {})),
    "signgd, constant": Case("signgd", lambda s, t: 0.0625, schedule=("constant", {"initial": 0.0625})),
    "signgd, momentum": Case("signgd", lambda s, t: 4 * falling(t, 0.1), {"momentum": 0.5}, ("exponential", {})),
    "signgd, dampening": Case("signgd", lambda s, t: 4 * falling(t), {"momentum": 0.5, "dampening": 0.5}),
    "signgd, nesterov": Case("signgd", lambda s, t: 4 * falling(t), {"momentum": 0.5, "nesterov": True}),
    "signgd, weight decay": Case("signgd", lambda s, t: 1.5 * falling(t), {"weight_decay": 0.25}),
    "signgd, rmsprop": Case("signgd", lambda s, t: falling(t) / (1 - 0.99**t) ** 0.5 + 1e-6, {"optimizer": "rmsprop"}),
    "signgd, rmsprop, all": Case(
        "signgd",
        lambda s, t: 8 * falling(t),
        {"optimizer": "rmsprop", "momentum": 0.5, "centered": True, "alpha": 0.9, "weight_decay": 0.125, "eps": 1e-2},
    ),
    "signgd, rprop": Case("signgd", largest_rprop_step, {"optimizer": "rprop"}),
    "ternary": Case("ternary", lambda s, t: 0.5 * 0.7 * 0.75 ** (t - 1) + 1e-12),
    "ternary, digits": Case(
        "ternary",
        lambda s, t: 1.5 * 3.0**-t + 1e-9,
        schedule=("exponential", {"initial": 1.0, "decay": 1 / 3}),
        steps=24,
    ),
    "ternary, wide zone": Case("ternary", lambda s, t: 0.75 / t, {"zone": 0.75}, ("inverse", {})),
    "ternary, dead zone": Case("ternary", lambda s, t: max(0.1, 0.35 * 0.75 ** (t - 1)) + 1e-12, {"dead_zone": 0.1}),
    "subgradient": Case("subgradient", lambda s, t: 2 / t),
    "subgradient, constant": Case("subgradient", lambda s, t: 0.0675, schedule=("constant", {"initial": 0.0625})),
    "subgradient, momentum": Case("subgradient", lambda s, t: 6 / t, {"momentum": 0.5}),
    "subgradient, nesterov": Case("subgradient", lambda s, t: 6 / t, {"momentum": 0.5, "nesterov": True}),
    "if": Case("if", lambda s, t: 1 / t),
    "if, other threshold": Case("if", lambda s, t: 0.75 / t, {"threshold": 0.75, "initial": 0.0}),
    "if, hard reset": Case("if", lambda s, t: 0.5 + 1 / t, {"reset": "hard"}),
    "lif": Case("lif", lambda s, t: 0.1 / (1 - 0.9**t) + 1e-6),
    "lif, fast": Case("lif", lambda s, t: 0.5 / (1 - 0.5**t) + 1e-6, {"leak": 0.5}),
    "lif, hard reset": Case("lif", lambda s, t: 1.0, {"leak": 0.75, "reset": "hard"}),
}


QUARTER = {"schedule": "constant", "schedule_options": {"initial": 0.25}}
DYADIC: dict[str, dict[str, Any]] = {
    "differential": {},
    "differential, annealed": {"dynamics_options": {"annealed": 2, "rise": 1}},
    "differential, dead zone": {"dynamics_options": {"dead_zone": 0.125}},
    "differential, gradual": {"dynamics_options": {"levels": 6, "mantissa": 3, "gradual": True}},
    "signgd": QUARTER,
    "signgd, momentum": QUARTER | {"dynamics_options": {"momentum": 0.5, "weight_decay": 0.25}},
    "signgd, dampening": QUARTER | {"dynamics_options": {"momentum": 0.5, "dampening": 0.25}},
    "signgd, nesterov": QUARTER | {"dynamics_options": {"momentum": 0.5, "nesterov": True}},
    "signgd, rmsprop": QUARTER | {"dynamics_options": {"optimizer": "rmsprop", "alpha": 0.0, "eps": 1e-40}},
    "signgd, rprop": QUARTER | {"dynamics_options": {"optimizer": "rprop", "etas": (0.5, 2.0)}},
    "ternary": {"schedule": "exponential", "schedule_options": {"initial": 0.75, "decay": 0.5}},
    "ternary, wide zone": QUARTER | {"dynamics_options": {"zone": 0.75}},
    "subgradient": QUARTER,
    "subgradient, momentum": QUARTER | {"dynamics_options": {"momentum": 0.5}},
    "subgradient, nesterov": QUARTER | {"dynamics_options": {"momentum": 0.5, "nesterov": True}},
    "if": {},
    "if, hard reset": {"dynamics_options": {"reset": "hard", "initial": 0.25}},
    "lif": {"dynamics_options": {"leak": 0.5}},
    "lif, hard reset": {"dynamics_options": {"leak": 0.75, "reset": "hard"}},
}
"""Options under which every sum is exact in float64 where weights and inputs are dyadic."""


def pairs(cases: Any) -> list[tuple[str, str]]:
    """Return every case with every encoder that can speak to its decoder."""
    found = []
    for key in cases:
        payload = CASES[key].make().payload if key in CASES else "change"
        found += [(key, coding) for coding in ENCODERS if payload in ENCODERS[coding].payloads]
    return found


def settle(dynamics: Dynamics, target: Tensor, steps: int, neuron: Any) -> tuple[State, list[Tensor]]:
    """Return the state after `steps` steps towards a constant target, and the spikes on the way."""
    state, spikes = dynamics.init(target), []
    for t in range(1, steps + 1):
        state, spike = dynamics.step(state, target, t, neuron)
        spikes.append(spike)
    return state, spikes


def everything(state: State) -> tuple[Tensor, ...]:
    return (state.v, *state.memory, *state.momentum)


def copies(state: State) -> list[Tensor]:
    return [torch.clone(tensor) for tensor in everything(state)]
