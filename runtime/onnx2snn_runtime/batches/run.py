"""Runs a program on all samples: plans the batches, runs them, and concatenates outputs, counts and records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from onnx2snn_runtime.batches.batch_run import BatchResult, Request, run_batches
from onnx2snn_runtime.batches.batching import are_stacked, batches, count_samples
from onnx2snn_runtime.batches.cuda_graphs import check
from onnx2snn_runtime.batches.heap import keep_freed
from onnx2snn_runtime.batches.memory import MemoryPlan, plan_memory
from onnx2snn_runtime.batches.positions import by_population, program_for
from onnx2snn_runtime.batches.range_checks import shares
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.ir.batch import BatchAxes
from onnx2snn_runtime.probing.operations import Operations, summed
from onnx2snn_runtime.probing.probes import READERS, add_counts
from onnx2snn_runtime.program.inputs import varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.real_samples import TORCH
from onnx2snn_runtime.settings import make_settings


@dataclass
class Run:
    """The results of a run, at each of the requested time steps T.

    outputs[T]              as `SpikingModel.__call__` returns them: [samples, ...], or a dictionary of these by name
    events[T]               spikes sent by all populations in steps 1 to T for all samples, without the input encoder
    events_per_neuron[T]    events[T] / (neurons * samples)
    operations[T]           what steps 1 to T computed for all samples, in total and by layer, with `operations`
    synaptic_operations[T]  of these the effective ACs and MACs, and the products of two activations
    neurons                 neurons of the network, for one sample
    steps_taken             time steps that each sample ran for, int64 [samples]; fewer than T only with early exit
    probes[name][p]         of the population p, [last T] for events and rates, else [last T, samples, ...]
    saturated[p]            share of the neurons of p, over all samples, that are beyond their scale at the last T; the
                            populations without any are left out, and so are dynamics other than differential
    """

    outputs: dict[int, Any] = field(default_factory=dict)
    events: dict[int, int] = field(default_factory=dict)
    events_per_neuron: dict[int, float] = field(default_factory=dict)
    operations: dict[int, Operations] = field(default_factory=dict)
    synaptic_operations: dict[int, float] = field(default_factory=dict)
    neurons: int = 0
    steps_taken: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    probes: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    saturated: dict[str, float] = field(default_factory=dict)


@torch.no_grad()
def run_program(program: Program, request: Request) -> Run:
    """Run `request` and return its results, outputs as tensors by name."""
    keep_freed(program.device)
    program = program_for(program, request.inputs)
    varying = _time_varying_inputs(program, request)
    settings = _settings(program, request.overrides)
    if request.early_exit:
        recorded = [name for name in request.probes if name in READERS]
        request.early_exit.check(settings, varying, request.executor, recorded, request.operations)
    check(request.cuda_graphs, program)
    plan = _plan(program, request, settings, varying)
    split = list(batches(request.inputs, program, plan.batch))
    made = run_batches(program, request, replace(settings, chunk=plan.chunk), split, varying)
    results = [by_population(result, program.groups) for result in made]
    sizes, stacked = [batch.samples for batch in split], are_stacked(request.inputs, program)
    events = add_counts([result.events for result in results])
    run = Run(
        neurons=sum(results[0].neurons.values()), steps_taken=torch.cat([result.steps_taken for result in results])
    )
    run.saturated = shares([result.saturated for result in results], results[0].neurons, sum(sizes))
    cumulative = torch.stack(list(events.values())).sum(0).cumsum(0).tolist()
    for t in request.steps:
        run.outputs[t] = {
            port.name: program.axes.join(
                port.name, [result.outputs[t][port.name] for result in results], sizes, TORCH, stacked=stacked
            )
            for port in program.outputs
        }
        run.events[t] = int(cumulative[t - 1])
        run.events_per_neuron[t] = run.events[t] / max(1, run.neurons * sum(sizes))
        if request.operations:
            run.operations[t] = summed([result.operations[t] for result in results])
            run.synaptic_operations[t] = run.operations[t].synaptic_operations
    run.probes = {name: _probe(name, results, events, sizes, program.axes) for name in request.probes}
    return run


def _probe(
    name: str, results: list[BatchResult], events: Mapping[str, Tensor], sizes: list[int], axes: BatchAxes
) -> dict[str, Tensor]:
    """Return what the probe `name` recorded of each population."""
    if name in READERS:
        return {key: _joined([result.records[name][key] for result in results], sizes, axes, key) for key in events}
    if name == "events":
        return dict(events)
    neurons = results[0].neurons
    return {key: counts / (neurons[key] * sum(sizes)) for key, counts in events.items()}


def _settings(program: Program, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of the run; those of the model itself are cached."""
    if overrides:
        return make_settings(program.defaults, overrides)
    if program.own_settings is None or program.own_settings[0] is not program.defaults:
        program.own_settings = program.defaults, make_settings(program.defaults, {})
    settings: Settings = program.own_settings[1]
    return settings


def _joined(parts: list[Tensor], sizes: list[int], axes: BatchAxes, name: str) -> Tensor:
    """Return records [T, ...] of several batches as one."""
    if len(parts) == 1 and sizes[0] >= axes.size:
        return parts[0]
    inside = replace(axes, outputs={}, declared={})  # the shapes say where the samples of a population are
    return torch.stack([inside.join(name, values, sizes, TORCH) for values in zip(*parts, strict=True)])


def _plan(program: Program, request: Request, settings: Settings, varying: list[str]) -> MemoryPlan:
    for what, limit in (("batch_size", request.batch_size), ("max_memory", request.max_memory)):
        if limit is not None and limit < 1:
            raise InputError(f"{what} is {limit}: give 1 or more")
    samples = count_samples(request.inputs, program)
    if request.executor != "layer":
        return MemoryPlan(program.axes.most(request.batch_size or samples, samples), 1)
    still = {name: value[0] if name in varying else value for name, value in request.inputs.items()}
    return plan_memory(program, settings, still, samples, request.steps[-1], request.batch_size, request.max_memory)


def _time_varying_inputs(program: Program, request: Request) -> list[str]:
    """Return the names of the inputs with a time axis; one with too few time steps raises InputError."""
    ports = [port for port in program.inputs if varies_in_time(request.inputs[port.name], port)]
    for port in ports:
        given, wanted = len(request.inputs[port.name]), request.steps[-1]
        if given < wanted:
            raise InputError(f"the input {port.name!r} has {given} time steps, {wanted} were asked for")
    return [port.name for port in ports]


def ascending(timesteps: int | Sequence[int]) -> list[int]:
    """Return the requested time steps, ascending and distinct; none, or one below 1, raises InputError."""
    steps = list(timesteps) if isinstance(timesteps, Sequence | np.ndarray) else [timesteps]
    if not steps or not all(isinstance(t, int | np.integer) and not isinstance(t, bool) and t >= 1 for t in steps):
        raise InputError(f"timesteps is {timesteps!r}: give one or more whole numbers from 1 on")
    return sorted({int(t) for t in steps})
