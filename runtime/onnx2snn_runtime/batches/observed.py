"""Runs a network step by step for an observer, which has the plain network's values beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from onnx2snn_runtime.batches.batching import batches, count_samples
from onnx2snn_runtime.batches.positions import program_for
from onnx2snn_runtime.execution.base import make_execution
from onnx2snn_runtime.execution.probe import Probe
from onnx2snn_runtime.probing.plain_values import plain_values
from onnx2snn_runtime.program.inputs import to_device
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.settings import make_settings


class Observer(Probe):
    """A probe that sees every population at every step, batch by batch, and what the plain network has there."""

    @property
    def needs_spikes(self) -> bool:
        """Whether it needs the spikes: always."""
        return True

    def begin(self, program: Program, plain: Mapping[str, Tensor], samples: int) -> None:
        """Called before a batch of `samples`, with f(x) of the plain network by the name of a population's output.

        `program.groups` maps the names of populations of an unrolled recurrence to those that its positions share.
        """

    def end(self, expected: Mapping[str, Tensor], outputs: Mapping[int, Mapping[str, Tensor]]) -> None:
        """Called after it, with the outputs of the plain network, and those of this one by time steps."""


@torch.no_grad()
def observe(
    program: Program,
    inputs: Mapping[str, Tensor],
    steps: Sequence[int],
    observer: Observer,
    batch_size: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> None:
    """Run checked `inputs`, which do not vary in time, to the last of `steps` and show `observer` all populations."""
    program = program_for(program, inputs)
    settings = replace(make_settings(program.defaults, overrides or {}), probes=(observer,))
    for batch in batches(inputs, program, batch_size or count_samples(inputs, program)):
        placed = {port.name: to_device(batch.inputs[port.name], port, program) for port in program.inputs}
        plain, expected = plain_values(program, placed)
        observer.begin(program, plain, batch.samples)
        observer.end(expected, make_execution("step", program, settings).run(placed, [], list(steps)))
