"""How near membranes are to their thresholds where a reader's spikes first differ from ours: what rounding decides.

Up to the first spike of a sample that differs, in the order of steps and populations, both have been given the same. If
its membrane is within rounding of its threshold there, the last bits of a sum made the difference, and what differs
behind it follows from it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.dynamics.integrate_and_fire import IntegrateAndFire
from onnx2snn_runtime.execution.base import Execution, Settings
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program

ROUNDING = 1e-5
"""As a share of the threshold: what float32 makes of a sum of some thousand terms in another order."""


class Membranes(Probe):
    """Keeps the spikes, 0 or 1, and |u / theta - 1| before the reset, [T, samples, ...] by the names of populations."""

    def __init__(self, dynamics: IntegrateAndFire) -> None:
        self.dynamics = dynamics
        self.execution: Execution | None = None
        self.spikes: dict[str, list[np.ndarray]] = {}
        self.margins: dict[str, list[np.ndarray]] = {}
        self._before: dict[str, tuple[Tensor, ...]] = {}

    @property
    def needs_spikes(self) -> bool:
        """Whether the probe needs `population`: always."""
        return True

    def population(self, item: Population, t: int, spike: Tensor, state: State, target: Tensor) -> None:
        """Add a step of a population: its membrane before the reset is leak u + I."""
        if self.execution is None:
            raise RuntimeError("the probe is given its execution before it runs")
        neuron, keep = self.execution.neurons[item.output], self.dynamics.keep
        membrane, charge = self._before.get(item.output) or self.dynamics.rest(state.v, neuron)
        full = keep * membrane + (state.memory[1] - keep * charge)
        self._before[item.output] = state.memory
        margin = (full / neuron.threshold(self.dynamics.threshold) - 1.0).abs()
        self.spikes.setdefault(item.name, []).append((spike != 0).cpu().numpy())
        self.margins.setdefault(item.name, []).append(margin.float().cpu().numpy())


def watched(
    program: Program, inputs: Mapping[str, Tensor], dynamics: IntegrateAndFire, steps: int
) -> tuple[dict[int, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return our decoded outputs after every step, our spikes and the margins of membranes, by population."""
    probe = Membranes(dynamics)
    execution = ValueExecution(program, Settings(dynamics, probes=(probe,)))
    probe.execution = execution
    outputs = {}
    with torch.no_grad():
        execution.set_inputs(inputs)
        for t in range(1, steps + 1):
            execution.advance()
            outputs[t] = next(iter(execution.outputs().values())).cpu().numpy()
    spikes, margins = ({name: np.stack(each) for name, each in kept.items()} for kept in (probe.spikes, probe.margins))
    return outputs, spikes, margins


def first_margins(differs: Sequence[np.ndarray], margins: Sequence[Any]) -> list[float]:
    """Return the largest margin among the first spikes that differ, of every sample in which some do.

    Both are given by populations in their order, [T, samples, ...].
    """
    flat = [each.reshape(*each.shape[:2], -1) for each in differs]
    places = np.stack([each.any(2) for each in flat], 1)  # [T, populations, samples]
    count, samples = places.shape[1:]
    found = []
    for sample in range(samples):
        row = places[:, :, sample].reshape(-1)
        if row.any():
            t, p = divmod(int(row.argmax()), count)
            chosen = flat[p][t, sample]
            found.append(float(margins[p].reshape(*flat[p].shape)[t, sample][chosen].max()))
    return found
