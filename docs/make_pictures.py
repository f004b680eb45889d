"""Draws docs/images/estimates.svg, one neuron under four dynamics: `python -m docs.make_pictures`."""

from pathlib import Path

import torch
from matplotlib import pyplot as plt

from onnx2snn_runtime.dynamics.base import Neuron, make_dynamics

PICTURE = Path(__file__).with_name("images") / "estimates.svg"
NEURONS = {
    "graded, 8 bits": ("differential", Neuron(1.0, levels=16, mantissa=3)),
    "power of two": ("differential", Neuron(1.0, levels=16, mantissa=0)),
    "ternary": ("ternary", Neuron(1.0)),
    "a sign at every step": ("signgd", Neuron(1.0)),
}
TARGET = [0.3] * 3 + [0.83] * 9
"""f(x) at each step: the neurons before this one settle, then the input is constant."""


def follow(dynamics_name: str, neuron: Neuron) -> tuple[list[float], list[float]]:
    """Return the estimates and the spikes of a neuron that follows TARGET."""
    dynamics = make_dynamics(dynamics_name)
    state = dynamics.init(torch.zeros(1))
    values, spikes = [0.0], []
    for t, value in enumerate(TARGET, 1):
        state, spike = dynamics.step(state, torch.tensor([value]), t, neuron)
        values.append(float(state.v))
        spikes.append(float(spike))
    return values, spikes


def main() -> None:
    """Draw the estimates above, the spikes below, a column for each dynamics."""
    plt.rcParams |= {"svg.hashsalt": "onnx2snn", "font.size": 9}
    figure, axes = plt.subplots(2, 4, figsize=(9, 3.6), sharex=True, sharey="row", height_ratios=[2, 1])
    steps = range(len(TARGET) + 1)
    for (title, (name, neuron)), (above, below) in zip(NEURONS.items(), axes.T, strict=True):
        values, spikes = follow(name, neuron)
        above.step(steps, [0.0, *TARGET], where="pre", color="0.6", label="f(x)")
        above.step(steps, values, where="pre", color="C0", label="estimate v")
        above.set_title(f"{title}: {sum(spike != 0 for spike in spikes)} spikes", fontsize=9)
        sent = [(t, spike) for t, spike in enumerate(spikes, 1) if spike]
        below.vlines([t for t, _ in sent], 0, [spike for _, spike in sent], color="C1", linewidth=2)
        below.axhline(0, color="0.7", linewidth=0.8)
        below.set_xlabel("time step")
    axes[0, 0].set_ylabel("value / scale")
    axes[1, 0].set_ylabel("spike")
    axes[0, 0].legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
