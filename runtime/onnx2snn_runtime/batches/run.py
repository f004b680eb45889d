"""A run: samples in batches through time, with what is watched, put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from onnx2snn_runtime.batches.batch_run import Request, run_batches
from onnx2snn_runtime.batches.batching import batches, count_samples, join
from onnx2snn_runtime.batches.cuda_graphs import check
from onnx2snn_runtime.batches.memory import Plan, plan
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.probing.probes import READERS, add_counts
from onnx2snn_runtime.program.inputs import varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.settings import make_settings


@dataclass
class Run:
    """What a run gave, at each of the time steps T asked for.

    outputs[T]              as `SpikingModel.__call__` gives them: [samples, ...], or a dictionary of these by name
    events[T]               spikes that all populations sent in steps 1 to T for all samples, the input encoder apart
    events_per_neuron[T]    these over neurons times samples
    synaptic_operations[T]  products of a change and a weight, over all samples, where `operations` was asked for
    neurons                 neurons of the network, for one sample
    steps_taken             time steps that each sample took, int64 [samples]: all of them but for early exit
    probes[name][p]         of the population p, [last T] for events and rates, else [last T, samples, ...]
    """

    outputs: dict[int, Any] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)
    events_per_neuron: dict[int, float] = field(default_factory=dict)
    synaptic_operations: dict[int, float] = field(default_factory=dict)
    neurons: int = 0
    steps_taken: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    probes: dict[str, dict[str, Tensor]] = field(default_factory=dict)


@torch.no_grad()
def run_program(program: Program, request: Request) -> Run:
    """Run `request` and return its results, outputs as tensors by name."""
    moving = _moving(program, request)
    settings = _settings(program, request.overrides)
    if request.exit:
        recorded = [name for name in request.probes if name in READERS]
        request.exit.check(settings, moving, request.executor, recorded, request.operations)
    check(request.cuda_graphs, program)
    planned = _plan(program, request, settings, moving)
    split = list(batches(request.inputs, program, planned.batch))
    parts = list(run_batches(program, request, replace(settings, chunk=planned.chunk), split, moving))
    sizes, fixed = [part.samples for part in split], program.defaults.batch
    events = add_counts([part.events for part in parts])
    total = Run(neurons=sum(parts[0].neurons.values()), steps_taken=torch.cat([part.taken for part in parts]))
    sent = torch.stack(list(events.values())).sum(0).cumsum(0).tolist()
    for t in request.steps:
        total.outputs[t] = {
            port.name: join([part.outputs[t][port.name] for part in parts], sizes, fixed, port.name, port.shape)
            for port in program.outputs
        }
        total.events[t] = int(sent[t - 1])
        total.events_per_neuron[t] = total.events[t] / max(1, total.neurons * sum(sizes))
        if request.operations:
            total.synaptic_operations[t] = sum(part.operations[t] for part in parts)
    for name in request.probes:
        if name in READERS:
            total.probes[name] = {
                key: _joined([part.records[name][key] for part in parts], sizes, fixed, key) for key in events
            }
        elif name == "events":
            total.probes[name] = events
        else:
            neurons = parts[0].neurons
            total.probes[name] = {key: counts / (neurons[key] * sum(sizes)) for key, counts in events.items()}
    return total


def _settings(program: Program, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of the run; those of the model itself are made once."""
    if overrides:
        return make_settings(program.defaults, overrides)
    if program.own_settings is None or program.own_settings[0] is not program.defaults:
        program.own_settings = program.defaults, make_settings(program.defaults, {})
    settings: Settings = program.own_settings[1]
    return settings


def _joined(parts: list[Tensor], sizes: list[int], fixed: int, name: str) -> Tensor:
    """Return records [T, ...] of several batches as one."""
    steps = [join(values, sizes, fixed, name) for values in zip(*parts, strict=True)]
    return torch.stack(steps) if len(parts) > 1 or sizes[0] < fixed else parts[0]


def _plan(program: Program, request: Request, settings: Settings, moving: list[str]) -> Plan:
    for what, limit in (("batch_size", request.batch_size), ("max_memory", request.max_memory)):
        if limit is not None and limit < 1:
            raise InputError(f"{what} is {limit}: give 1 or more")
    samples = count_samples(request.inputs, program)
    if request.executor != "layer" or moving:
        return Plan(request.batch_size or samples, 1)
    return plan(program, settings, request.inputs, samples, request.steps[-1], request.batch_size, request.max_memory)


def _moving(program: Program, request: Request) -> list[str]:
    """Return the inputs that vary in time; one with too few time steps raises InputError."""
    ports = [port for port in program.inputs if varies_in_time(request.inputs[port.name], port)]
    for port in ports:
        given, wanted = len(request.inputs[port.name]), request.steps[-1]
        if given < wanted:
            raise InputError(f"the input {port.name!r} has {given} time steps, {wanted} were asked for")
    return [port.name for port in ports]


def ascending(timesteps: int | Sequence[int]) -> list[int]:
    """Return the time steps asked for, ascending and distinct; none, or one below 1, raises InputError."""
    steps = list(timesteps) if isinstance(timesteps, Sequence | np.ndarray) else [timesteps]
    if not steps or not all(isinstance(t, int | np.integer) and not isinstance(t, bool) and t >= 1 for t in steps):
        raise InputError(f"timesteps is {timesteps!r}: give one or more whole numbers from 1 on")
    return sorted({int(t) for t in steps})
