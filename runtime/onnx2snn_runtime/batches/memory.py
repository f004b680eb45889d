"""How many samples and time steps fit into a memory budget at once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.step import StepExecution
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Frame, Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.ports import Port
from onnx2snn_runtime.program.program import Program

CHUNK = 16
"""More time steps than this are not computed at once: weights are then read rarely enough."""

CPU_BUDGET = 1 << 28
"""Bytes that a run takes at most on a CPU where nobody says otherwise."""

CACHED = 1 << 25
"""Bytes: a working set much larger than the caches is slow on a CPU, so that no more than this is sought there."""

LEAST = 8
"""So many steps of samples are worth computing at once, whatever the caches hold."""

CUDA_SHARE = 0.3
"""The share of a GPU's free memory that a run may take."""


@dataclass(frozen=True)
class Plan:
    """How many samples run at a time, and how many of their time steps at once."""

    batch: int
    chunk: int


def plan(
    program: Program,
    settings: Settings,
    inputs: Mapping[str, Tensor],
    samples: int,
    steps: int,
    batch: int | None = None,
    budget: int | None = None,
) -> Plan:
    """Return the plan for `samples` samples over `steps` steps within `budget` bytes above the loaded model.

    Of `inputs` [samples, ...] one sample (or one fixed batch) is run for a step to weigh it.
    """
    chunk = min(steps, CHUNK)
    wanted = program.defaults.batch or batch or samples
    if wanted * chunk == 1:
        return Plan(1, 1)
    one = footprint(program, settings, inputs)
    room = max(1, (budget or default_budget(program.device)) // one)
    if program.device.type == "cpu":
        room = min(room, max(LEAST, CACHED // one))
    if program.defaults.batch or batch:
        return Plan(wanted, max(1, min(chunk, room // wanted)))
    return Plan(max(1, min(samples, room // chunk)), max(1, min(chunk, room)))


def default_budget(device: torch.device) -> int:
    """Return the bytes that a run may take on `device` where nobody says otherwise."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * CUDA_SHARE)
    return CPU_BUDGET


def footprint(program: Program, settings: Settings, inputs: Mapping[str, Tensor]) -> int:
    """Return the bytes that one step of one sample takes at its peak, found by making that step once a shape."""
    key = tuple((name, value.shape[1:]) for name, value in inputs.items())
    if key not in program.footprints:
        run = _Weighed(program, Settings(settings.dynamics, settings.encoder, settings.input_scales))
        run.run({port.name: _sample(inputs[port.name], port, program) for port in program.inputs}, [], [1])
        program.footprints[key] = max(1, run.peak // (program.defaults.batch or 1))
    return program.footprints[key]


def _sample(value: Tensor, port: Port, program: Program) -> Tensor:
    one = value[:1].repeat_interleave(program.defaults.batch or 1, 0) if port.shape else value
    return to_device(one, port, program)


class _Weighed(StepExecution):
    """A step that weighs the varying values that are alive beside each population it computes."""

    peak = 0

    def fire(self, item: Population, sources: list[Tensor]) -> Tensor:
        spike = super().fire(item, sources)
        own = 3 * spike.numel() * spike.element_size()  # the target, the estimate and a temporary
        self.peak = max(self.peak, own + _alive(self.frame, self.program))
        return spike


def _alive(frame: Frame, program: Program) -> int:
    alive = [value for name, value in frame.values.items() if name in program.varying and isinstance(value, Tensor)]
    return sum(math.prod(value.shape) * value.element_size() for value in alive)
