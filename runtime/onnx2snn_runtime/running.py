"""A run: samples in batches through time, with what is watched, put together again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from onnx2snn_runtime.batching import Batch, batches, count_samples, join
from onnx2snn_runtime.early_exit import run_until_finished
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.executors.base import Settings, make_execution
from onnx2snn_runtime.exit_rules import Exit
from onnx2snn_runtime.graphs import Ran, check, run_graphed
from onnx2snn_runtime.inputs import to_device, varies_in_time
from onnx2snn_runtime.interpreter import Tensor
from onnx2snn_runtime.memory import Plan, plan
from onnx2snn_runtime.operations import OperationCounter
from onnx2snn_runtime.probes import READERS, EventCounter, Recorder, add_counts
from onnx2snn_runtime.program import Program
from onnx2snn_runtime.settings import make_settings
from onnx2snn_runtime.shelf import Shelf


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


@dataclass(frozen=True)
class Request:
    """What is to be run: checked inputs on the host or the device, ascending time steps, and what to watch."""

    inputs: Mapping[str, Tensor]
    steps: list[int]
    executor: str
    probes: Sequence[str] = ()
    operations: bool = False
    batch_size: int | None = None
    max_memory: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    exit: Exit | None = None
    cuda_graphs: bool | str = False


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
    parts = list(_run_batches(program, request, replace(settings, chunk=planned.chunk), split, moving))
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


@dataclass
class _Part:
    """What a batch gave: outputs after steps, events [T] and neurons of populations, the steps that samples took."""

    outputs: Mapping[int, Mapping[str, Tensor]]
    events: Mapping[str, Tensor]
    neurons: Mapping[str, int]
    taken: Tensor
    records: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    operations: Mapping[int, float] = field(default_factory=dict)

    def small(self) -> list[Tensor]:
        """Return the tensors that stay until the end of the run, records apart."""
        return [
            *(value for made in self.outputs.values() for value in made.values()),
            *self.events.values(),
            self.taken,
        ]

    def kept(self, shelf: Shelf) -> "_Part":
        """Return the same with its tensors, records apart, on the `shelf`."""
        outputs = {t: {name: shelf.keep(value) for name, value in made.items()} for t, made in self.outputs.items()}
        events = {name: shelf.keep(counts) for name, counts in self.events.items()}
        return replace(self, outputs=outputs, events=events, taken=shelf.keep(self.taken))


def _run_batches(
    program: Program, request: Request, settings: Settings, split: list[Batch], moving: list[str]
) -> Iterator[_Part]:
    """Yield what each batch gives."""
    shelf: Shelf | None = None
    for batch in split:
        part = _run_batch(program, request, settings, batch, moving)
        shelf = shelf or Shelf(part.small(), len(split))
        yield part.kept(shelf)
        del part


def _settings(program: Program, overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of the run; those of the model itself are made once."""
    if overrides:
        return make_settings(program.defaults, overrides)
    if program.own_settings is None or program.own_settings[0] is not program.defaults:
        program.own_settings = program.defaults, make_settings(program.defaults, {})
    settings: Settings = program.own_settings[1]
    return settings


def _run_batch(program: Program, request: Request, settings: Settings, part: Batch, moving: list[str]) -> _Part:
    recorders = {name: Recorder(READERS[name]) for name in request.probes if name in READERS}
    events = EventCounter(part.samples, program.defaults.batch)
    counter = OperationCounter(part.samples, program.defaults.batch) if request.operations else None
    probes: tuple[Any, ...] = (events, *recorders.values(), *((counter,) if counter else ()))
    settings = replace(settings, probes=probes)
    # where receivers filter, estimates move at every step: what travels is seen among spikes alone
    filtered = counter and settings.dynamics.payload != "change"
    at_once = request.exit and settings.delay  # step by step where populations move at once
    execution = make_execution("event" if filtered else "step" if at_once else request.executor, program, settings)
    inputs = {port.name: to_device(part.inputs[port.name], port, program) for port in program.inputs}
    if request.cuda_graphs and not (request.exit or recorders or counter or moving or settings.encoder):
        graphed = _run_graphed(program, request, settings, part, inputs)
        if graphed is not None:
            return graphed
    outputs: Mapping[int, Mapping[str, Tensor]]
    if request.exit:
        outputs, taken = run_until_finished(execution, inputs, request.steps, request.exit)
        taken = taken[: part.samples]
    else:
        outputs, taken = execution.run(inputs, moving, request.steps), torch.full((part.samples,), request.steps[-1])
    done = _Part(outputs, events.table(request.steps[-1]), events.neurons, taken)
    done.records = {name: recorder.table() for name, recorder in recorders.items()}
    if counter:
        zero = torch.zeros(())
        done.operations = {t: float(sum(counter.totals[:t], zero)) for t in request.steps}
    return done


def _run_graphed(
    program: Program, request: Request, settings: Settings, part: Batch, inputs: Mapping[str, Tensor]
) -> _Part | None:
    """Return what a captured run gives, None where this one is not captured."""

    def work(given: Mapping[str, Tensor]) -> Ran:
        events = EventCounter(part.samples, program.defaults.batch)
        watching: tuple[Any, ...] = (events,)
        execution = make_execution(request.executor, program, replace(settings, probes=watching))
        outputs = execution.run(given, [], request.steps)
        return Ran(outputs, {name: torch.cat(counts) for name, counts in events.counts.items()}, events.neurons)

    key = (request.steps, request.executor, request.overrides, settings.chunk, part.samples, program.defaults)
    ran = run_graphed(program, request.cuda_graphs, key, inputs, work)
    if ran is None:
        return None
    events = {name: counts.cpu() for name, counts in ran.events.items()}
    return _Part(ran.outputs, events, ran.neurons, torch.full((part.samples,), request.steps[-1]))


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
