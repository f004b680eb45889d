"""Runs the batches of a request one by one, with their probes; `batches.run` concatenates the results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from onnx2snn_runtime.batches.batching import Batch
from onnx2snn_runtime.batches.cuda_graphs import GraphResult, run_graphed
from onnx2snn_runtime.batches.early_exit import run_until_finished
from onnx2snn_runtime.batches.exit_rules import EarlyExit
from onnx2snn_runtime.batches.range_checks import count_saturated
from onnx2snn_runtime.batches.result_block import ResultBlock
from onnx2snn_runtime.execution.base import Settings, make_execution
from onnx2snn_runtime.probing.counting import OperationCounter
from onnx2snn_runtime.probing.operations import Operations
from onnx2snn_runtime.probing.probes import READERS, EventCounter, Recorder
from onnx2snn_runtime.probing.results import results
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program


@dataclass(frozen=True)
class Request:
    """A run to make: validated inputs (host or device), ascending time steps, the executor, probes and limits."""

    inputs: Mapping[str, Tensor]
    steps: list[int]
    executor: str
    probes: Sequence[str] = ()
    operations: bool = False
    batch_size: int | None = None
    max_memory: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    early_exit: EarlyExit | None = None
    cuda_graphs: bool | str = False


@dataclass
class BatchResult:
    """The results of one batch.

    outputs      by time step, then by output name
    events       events of each population, int64 [T]
    neurons      neurons of each population, for one sample
    steps_taken  time steps that each sample ran for, int64 [samples]
    records      what probes recorded: by probe, then by population, [T, ...]
    operations   the operations up to each time step
    saturated    neurons beyond their scale at the last step, of the populations with any
    """

    outputs: Mapping[int, Mapping[str, Tensor]]
    events: Mapping[str, Tensor]
    neurons: Mapping[str, int]
    steps_taken: Tensor
    records: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    operations: Mapping[int, Operations] = field(default_factory=dict)
    saturated: Mapping[str, int] = field(default_factory=dict)

    def small_tensors(self) -> list[Tensor]:
        """Return the tensors that are held until the end of the run, except the records."""
        return [
            *(value for made in self.outputs.values() for value in made.values()),
            *self.events.values(),
            self.steps_taken,
        ]

    def stored(self, block: ResultBlock) -> "BatchResult":
        """Return a copy whose tensors, except the records, are stored in `block`."""
        outputs = {t: {name: block.store(value) for name, value in made.items()} for t, made in self.outputs.items()}
        events = {name: block.store(counts) for name, counts in self.events.items()}
        return replace(self, outputs=outputs, events=events, steps_taken=block.store(self.steps_taken))


def run_batches(
    program: Program, request: Request, settings: Settings, split: list[Batch], varying: list[str]
) -> Iterator[BatchResult]:
    """Yield the result of each batch."""
    block: ResultBlock | None = None
    for batch in split:
        result = _run_batch(program, request, settings, batch, varying)
        block = block or ResultBlock(result.small_tensors(), len(split))
        yield result.stored(block)
        del result


def _run_batch(program: Program, request: Request, settings: Settings, batch: Batch, varying: list[str]) -> BatchResult:
    recorders = {name: Recorder(READERS[name]) for name in request.probes if name in READERS}
    events = EventCounter(batch.samples, program.defaults.batch)
    counter = None
    if request.operations:
        counter = OperationCounter(program, settings, batch.samples, program.defaults.batch)
    probes: tuple[Any, ...] = (events, *recorders.values(), *((counter,) if counter else ()))
    settings = replace(settings, probes=probes)
    name = request.executor
    execution = make_execution(counter.executor(name) if counter else name, program, settings)
    inputs = {port.name: to_device(batch.inputs[port.name], port, program) for port in program.inputs}
    if request.cuda_graphs and not (request.early_exit or recorders or counter or varying or settings.encoder):
        graphed = _run_graphed(program, request, settings, batch, inputs)
        if graphed is not None:
            return graphed
    outputs: Mapping[int, Mapping[str, Tensor]]
    if request.early_exit:
        outputs, steps_taken, execution = run_until_finished(execution, inputs, request.steps, request.early_exit)
        steps_taken = steps_taken[: batch.samples]
    else:
        outputs = execution.run(inputs, varying, request.steps)
        steps_taken = torch.full((batch.samples,), request.steps[-1])
    result = BatchResult(outputs, events.table(request.steps[-1]), events.neurons, steps_taken)
    result.saturated = count_saturated(execution, batch.samples, program.defaults.batch)
    result.records = {name: recorder.table() for name, recorder in recorders.items()}
    if counter:
        result.operations = results(counter, request.steps, sum(events.neurons.values()), steps_taken)
    return result


def _run_graphed(
    program: Program, request: Request, settings: Settings, batch: Batch, inputs: Mapping[str, Tensor]
) -> BatchResult | None:
    """Return the result of a CUDA graph of this run, or None if this run is not captured as one."""

    def function(given: Mapping[str, Tensor]) -> GraphResult:
        events = EventCounter(batch.samples, program.defaults.batch)
        probes: tuple[Any, ...] = (events,)
        execution = make_execution(request.executor, program, replace(settings, probes=probes))
        outputs = execution.run(given, [], request.steps)
        return GraphResult(outputs, {name: torch.cat(counts) for name, counts in events.counts.items()}, events.neurons)

    key = (request.steps, request.executor, request.overrides, settings.chunk, batch.samples, program.defaults)
    result = run_graphed(program, request.cuda_graphs, key, inputs, function)
    if result is None:
        return None
    events = dict(zip(result.events, torch.stack(list(result.events.values())).cpu().unbind(), strict=True))
    return BatchResult(result.outputs, events, result.neurons, torch.full((batch.samples,), request.steps[-1]))
