"""Chooses the batch size and the time steps per chunk so that a run stays within a memory budget."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Frame, Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import TORCH

CHUNK = 16
"""The largest chunk of time steps; longer chunks save little, as weights are read once a chunk."""

CPU_BUDGET = 1 << 28
"""The default memory budget of a run on a CPU, in bytes."""

CACHED = 1 << 25
"""The largest working set on a CPU, in bytes: larger ones miss the caches."""

LEAST = 8
"""The least samples times steps that are computed at once, whatever the size of the caches."""

CUDA_SHARE = 0.3
"""The default memory budget of a run on a GPU, as a fraction of its free memory."""


@dataclass(frozen=True)
class MemoryPlan:
    """The number of samples a batch, and of time steps a chunk."""

    batch: int
    chunk: int


def plan_memory(
    program: Program,
    settings: Settings,
    inputs: Mapping[str, Tensor],
    samples: int,
    steps: int,
    batch: int | None = None,
    budget: int | None = None,
) -> MemoryPlan:
    """Return the plan for `samples` samples over `steps` steps within `budget` bytes above the loaded model.

    One sample (or one fixed batch) of `inputs` [samples, ...] is run for a step to measure its memory.
    """
    chunk = min(steps, CHUNK)
    wanted = program.axes.most(batch or samples, samples)
    if wanted * chunk == 1:
        return MemoryPlan(1, 1)
    one = footprint(program, settings, inputs, samples)
    capacity = max(1, (budget or default_budget(program.device)) // one)
    if program.device.type == "cpu" and not program.groups:  # many small positions cost more than misses do
        capacity = min(capacity, max(LEAST, CACHED // one))
    if batch or program.axes.most(0, samples):
        return MemoryPlan(wanted, max(1, min(chunk, capacity // wanted)))
    return MemoryPlan(max(1, min(samples, capacity // chunk)), max(1, min(chunk, capacity)))


def default_budget(device: torch.device) -> int:
    """Return the default memory budget of a run on `device`, in bytes."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * CUDA_SHARE)
    return CPU_BUDGET


def footprint(program: Program, settings: Settings, inputs: Mapping[str, Tensor], samples: int) -> int:
    """Return the peak bytes of one step of one sample, measured once for each input shape.

    If the samples interact, the step is measured with all `samples` together.
    """
    given, count = next(program.axes.split(inputs, 1))
    given = program.axes.filled(given, count, TORCH)
    key = tuple((name, value.shape) for name, value in given.items())
    if key not in program.footprints:
        run = _MeasuredExecution(program, Settings(settings.dynamics, settings.encoder, settings.input_scales))
        run.run({port.name: to_device(given[port.name], port, program) for port in program.inputs}, [], [1])
        program.footprints[key] = max(1, run.peak // (samples if program.axes.joint else program.axes.size or 1))
    return program.footprints[key]


class _MeasuredExecution(ValueExecution):
    """A step execution that measures the bytes of the live time-varying values at each population."""

    peak = 0

    def update(self, item: Population) -> None:
        super().update(item)
        v = self.states[item.output].v
        own = 3 * v.numel() * v.element_size()  # the target, the estimate and a temporary
        self.peak = max(self.peak, own + _live_bytes(self.frame, self.program))


def _live_bytes(frame: Frame, program: Program) -> int:
    live = [value for name, value in frame.values.items() if name in program.varying and isinstance(value, Tensor)]
    return sum(math.prod(value.shape) * value.element_size() for value in live)
