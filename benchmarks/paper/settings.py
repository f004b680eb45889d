"""What the experiment runs: the networks, the dynamics, and the schedules that `signgd` is tuned over."""

from dataclasses import dataclass, field
from typing import Any

NETWORKS = ("mnist_mlp", "mnist_relu_cnn", "mnist_cnn", "mnist_mixer", "mnist_vit")
TIMESTEPS = (1, 2, 4, 8, 16, 32, 64)
CLASSICAL_TIMESTEPS = (*TIMESTEPS, 128)


@dataclass(frozen=True)
class Setting:
    """One line of the experiment: its name, the dynamics, how the network is converted for it, and the time steps.

    Where it is `tuned`, its schedule is the one of `CANDIDATES` that serves the last of the time steps best.
    """

    name: str
    dynamics: str
    conversion: dict[str, Any] = field(default_factory=dict)
    timesteps: tuple[int, ...] = TIMESTEPS
    tuned: bool = False


_PER_NEURON = {"scale": "neuron", "adapt": False}

SETTINGS = (
    Setting("differential", "differential"),
    Setting("signgd", "signgd", _PER_NEURON),
    Setting("signgd, tuned for T=8", "signgd", _PER_NEURON, TIMESTEPS[:4], tuned=True),
    Setting("signgd, tuned for T=64", "signgd", _PER_NEURON, tuned=True),
    Setting("subgradient", "subgradient", _PER_NEURON, CLASSICAL_TIMESTEPS),
    Setting("if", "if", _PER_NEURON, CLASSICAL_TIMESTEPS),
    Setting("lif", "lif", _PER_NEURON, CLASSICAL_TIMESTEPS),
)
"""`signgd` takes the paper's default schedule, 0.15 * 0.95^(t-1), and `subgradient` the inverse one, 1 / (t+1).

`differential` runs on the conversion's defaults, one scale a layer; the others send payloads of one size and have one
scale a neuron, as the paper's ReLU has: it serves them much better.
"""


def _exponential(initial: float, decay: float) -> dict[str, Any]:
    return {"schedule": "exponential", "schedule_options": {"initial": initial, "decay": decay}}


CANDIDATES: tuple[dict[str, Any], ...] = (
    _exponential(0.15, 0.95),
    _exponential(0.3, 0.93),
    _exponential(0.5, 0.9),
    _exponential(1.0, 0.85),
    _exponential(0.3, 0.8),
    _exponential(0.5, 0.7),
    {"schedule": "inverse", "schedule_options": {"initial": 1.0}},
    {"schedule": "polynomial", "schedule_options": {"initial": 0.3, "horizon": 64, "power": 3}},
)
"""The schedules that `signgd` is tuned over, on training images."""


def describe(schedule: dict[str, Any]) -> str:
    """Return a schedule of `CANDIDATES` in a line."""
    options = ", ".join(f"{name}={value:g}" for name, value in schedule["schedule_options"].items())
    return f"{schedule['schedule']}({options})"
