"""Recurrences in the results of a batch: what the positions of a sequence gave, put together by population."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import torch

from onnx2snn_runtime.batches.batch_run import BatchResult
from onnx2snn_runtime.batches.batching import batches
from onnx2snn_runtime.probing.operations import merged
from onnx2snn_runtime.program.inputs import to_device, varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.unrolling import lengths, unrolled


def program_for(program: Program, inputs: Mapping[str, Tensor]) -> Program:
    """Return the program that runs `inputs`: `program` itself, or one for the lengths of their sequences."""
    return program if program.rolled is None else unrolled(program, _sample(program, inputs))


def lengths_of(program: Program, inputs: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the number of positions of every recurrence for `inputs`, by the name of its node."""
    return {} if program.rolled is None else lengths(program, _sample(program, inputs))


def _sample(program: Program, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the first sample of `inputs`, or the first batch of a fixed size, on the device."""
    sample = next(iter(batches(inputs, program, 1))).inputs
    for port in program.inputs:
        value = sample[port.name]
        sample[port.name] = to_device(value[0] if varies_in_time(value, port) else value, port, program)
    return sample


def by_population(result: BatchResult, groups: Mapping[str, str]) -> BatchResult:
    """Return `result` with one entry a population: counts summed over positions, records [T, batch, positions, ...]."""
    if not groups:
        return result
    held: dict[str, list[str]] = {}
    for name in result.events:
        held.setdefault(groups.get(name, name), []).append(name)
    events = {name: torch.stack([result.events[n] for n in own]).sum(0) for name, own in held.items()}
    neurons = {name: sum(result.neurons[n] for n in own) for name, own in held.items()}
    records = {probe: _stacked(table, held, groups) for probe, table in result.records.items()}
    saturated = Counter[str]()
    for name, count in result.saturated.items():
        saturated[groups.get(name, name)] += count
    operations = {t: merged(made, groups) for t, made in result.operations.items()}
    return replace(
        result, events=events, neurons=neurons, saturated=dict(saturated), records=records, operations=operations
    )


def _stacked(
    table: Mapping[str, Tensor], held: Mapping[str, list[str]], groups: Mapping[str, str]
) -> dict[str, Tensor]:
    return {
        name: torch.stack([table[n] for n in own], 2) if own[0] in groups else table[own[0]]
        for name, own in held.items()
    }
