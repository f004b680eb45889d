"""The batches of a run, each through time with what is watched; `running` puts them together again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from onnx2snn_runtime.batches.batching import Batch
from onnx2snn_runtime.batches.cuda_graphs import Ran, run_graphed
from onnx2snn_runtime.batches.early_exit import run_until_finished
from onnx2snn_runtime.batches.exit_rules import Exit
from onnx2snn_runtime.batches.result_block import Shelf
from onnx2snn_runtime.execution.base import Settings, make_execution
from onnx2snn_runtime.probing.operations import OperationCounter
from onnx2snn_runtime.probing.probes import READERS, EventCounter, Recorder
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program


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


@dataclass
class Part:
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

    def kept(self, shelf: Shelf) -> "Part":
        """Return the same with its tensors, records apart, on the `shelf`."""
        outputs = {t: {name: shelf.keep(value) for name, value in made.items()} for t, made in self.outputs.items()}
        events = {name: shelf.keep(counts) for name, counts in self.events.items()}
        return replace(self, outputs=outputs, events=events, taken=shelf.keep(self.taken))


def run_batches(
    program: Program, request: Request, settings: Settings, split: list[Batch], moving: list[str]
) -> Iterator[Part]:
    """Yield what each batch gives."""
    shelf: Shelf | None = None
    for batch in split:
        part = _run_batch(program, request, settings, batch, moving)
        shelf = shelf or Shelf(part.small(), len(split))
        yield part.kept(shelf)
        del part


def _run_batch(program: Program, request: Request, settings: Settings, part: Batch, moving: list[str]) -> Part:
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
    done = Part(outputs, events.table(request.steps[-1]), events.neurons, taken)
    done.records = {name: recorder.table() for name, recorder in recorders.items()}
    if counter:
        zero = torch.zeros(())
        done.operations = {t: float(sum(counter.totals[:t], zero)) for t in request.steps}
    return done


def _run_graphed(
    program: Program, request: Request, settings: Settings, part: Batch, inputs: Mapping[str, Tensor]
) -> Part | None:
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
    return Part(ran.outputs, events, ran.neurons, torch.full((part.samples,), request.steps[-1]))
