"""Finds when each population of ternary spikes is to begin: as soon as what it follows has settled enough for it.

Step sizes fall. A population that begins while those before it still move follows what they take back later, and when
they have settled its own step sizes are too small to make up for that. How long it has to wait depends on how much its
function makes of its sources' errors: a softmax of large scores waits longer than a linear layer. In one run, in order
of execution, each population is tried with several onsets on the targets that it would have, and gets the one that is
worth it; those behind it then see what it sends.
"""

from collections.abc import Mapping
from typing import Any

import torch

from onnx2snn.fitting.depths import sources
from onnx2snn_runtime.batches.arrays import checked
from onnx2snn_runtime.batches.batching import batches
from onnx2snn_runtime.batches.positions import program_for
from onnx2snn_runtime.errors import trying
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.layer import LayerExecution
from onnx2snn_runtime.execution.plan import PlanStep
from onnx2snn_runtime.kernels.chunks import at
from onnx2snn_runtime.model import SpikingModel
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.schedules.base import Schedule
from onnx2snn_runtime.settings import make_settings

WIDEST = 8
"""A population begins at most so many steps after the last of its sources."""
SAMPLED = 16384
"""So many neurons of a population are followed."""
FINEST = 0.004
"""Step sizes below this say nothing more."""
SLACK = 2
"""So many steps after its step size is at its least a population is to be near its target."""


def length(schedule: Schedule, most: int) -> int:
    """Return the first step, at most `most`, from which the step size is as small as it gets, or below `FINEST`."""
    end = max(FINEST, schedule(most))
    return next(t for t in range(1, most + 1) if schedule(t) <= end or t == most)


def fit_onsets(snn: SpikingModel, inputs: Mapping[str, Any], steps: int, worth: float) -> dict[str, int]:
    """Return the onsets of the populations, by name, fitted on the few samples `inputs` in a run of `steps` steps.

    `snn` has ternary spikes and the schedule that they are for. One time step later is as bad as `worth`, a square of
    a population's relative error.
    """
    given = checked(snn.program, inputs)
    program = program_for(snn.program, given)
    batch = next(iter(batches(given, program, program.axes.count({n: tuple(x.shape) for n, x in given.items()}))))
    placed = {port.name: to_device(batch.inputs[port.name], port, program) for port in program.inputs}
    with trying(), torch.no_grad():
        run = _Beginning(program, make_settings(program.defaults, {}), steps, worth)
        run.run(placed, [], [steps])
    return run.onsets


class _Beginning(LayerExecution):
    """A run in which every population gets its onset when its turn comes, all of its targets at hand."""

    def __init__(self, program: Program, settings: Settings, steps: int, worth: float) -> None:
        super().__init__(program, settings)
        self.steps, self.worth = steps, worth
        self.schedule: Schedule = settings.dynamics.schedule  # type: ignore[attr-defined]
        self.length = length(self.schedule, steps)
        self.before = sources(program)
        self.onsets: dict[str, int] = {}
        """By name; populations of an unrolled recurrence share that of the first."""

    def _scan(self, item: Population, plan: PlanStep, first: int, count: int) -> Tensor:
        """Choose the onset of `item`, and scan it."""
        name = self.program.groups.get(item.name, item.name)
        if name not in self.onsets:
            begun = [self.onsets[self.program.groups.get(other, other)] for other in self.before[item.name]]
            self.onsets[name] = self._onset(item, plan, max(begun)) if begun else 0
        self.neurons[item.output] = self.neurons[item.output]._replace(onset=self.onsets[name])
        return super()._scan(item, plan, first, count)

    def _onset(self, item: Population, plan: PlanStep, begun: int) -> int:
        """Return the best onset of `item`, whose last source begins after `begun` steps."""
        held = self.frame.values
        read = [held[name] if flag else held[name][None] for name, flag in zip(item.sources, plan.flags, strict=True)]
        target = self._target(item, item.body, item.result, read, plan.flags)
        targets, scale = _sampled(target, self.neurons[item.output].scale)
        best, least = begun, float("inf")
        for onset in range(begun, min(begun + WIDEST, self.steps - 1) + 1):
            later = self.worth * (onset - begun)
            if later >= least:
                break
            cost = self._error(targets, scale, onset) + later
            if cost < least:
                best, least = onset, cost
        return best

    def _error(self, targets: Tensor, scale: Tensor, onset: int) -> float:
        """Return the squared relative error that neurons begun at `onset` have when their step sizes are at an end."""
        v = torch.zeros_like(targets[0])
        for t in range(onset, min(self.steps, onset + self.length + SLACK)):
            error, move = at(targets, t) - v, self.schedule(t + 1 - onset) * scale
            v = v + torch.sign(error) * move * (error.abs() > move / 2)
        square = float(targets[-1].square().sum())
        return float((targets[-1] - v).square().sum()) / square if square else 0.0


def _sampled(target: Tensor, scale: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return the targets [n, k] of neurons drawn from [n, ...], and their scales [k] or []."""
    flat = target.reshape(len(target), -1)
    scales = torch.as_tensor(scale, dtype=target.dtype, device=target.device)
    if scales.numel() > 1:
        scales = scales.expand(target.shape[1:]).reshape(-1)
    if flat.shape[1] > SAMPLED:
        draw = torch.Generator().manual_seed(0)
        places = torch.randint(flat.shape[1], (SAMPLED,), generator=draw).to(target.device)
        flat = flat[:, places]
        scales = scales[places] if scales.numel() > 1 else scales
    return torch.nan_to_num(flat, 0.0, 0.0, 0.0), scales
