"""Between the arrays of a caller and the tensors of a program: checks of inputs, dtypes and devices of outputs."""

from collections.abc import Mapping
from typing import Any

import torch

from onnx2snn_runtime.batches.batching import Batch, batches, count_samples
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.program.inputs import check_input, named_inputs, varies_in_time
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.program import Program

Output = Any
"""A tensor or array for a model of one output, otherwise a mapping from output name to one."""


def checked(program: Program, x: Any) -> dict[str, Tensor]:
    """Return the inputs in `x` as tensors by name; what does not fit raises InputError."""
    named = named_inputs(x, program.inputs)
    return {port.name: check_input(named[port.name], port) for port in program.inputs}


def one_batch(inputs: dict[str, Tensor], program: Program) -> Batch:
    """Return the inputs of one time step as a batch; a time axis, or too many samples, raise InputError."""
    for port in program.inputs:
        if varies_in_time(inputs[port.name], port):
            raise InputError(f"the input {port.name!r} has a time axis: step() takes one step of it at a time")
    first, *more = batches(inputs, program, count_samples(inputs, program))
    if more:
        size = program.axes.most(0, 1)
        raise InputError(f"the graph is fixed to a batch of {size}: a step takes so many samples")
    return first


def returned(program: Program, outputs: Mapping[str, Tensor], x: Any) -> Output:
    """Return `outputs` as a caller gets them that gave `x`: numpy for numpy, torch for torch, on the device of `x`."""
    first = next(iter(x.values())) if isinstance(x, Mapping) else x
    device = first.device if isinstance(first, Tensor) else None
    types = {port.name: port.type for port in program.outputs}
    made = {name: _sent(value, program, types[name], device) for name, value in outputs.items()}
    return next(iter(made.values())) if len(made) == 1 else made


def _sent(value: Any, program: Program, kind: int, device: torch.device | None) -> Any:
    """Return `value` in the type of the output of `kind`, on `device` or as numpy; lists have an entry per sample."""
    if isinstance(value, list):
        return [_sent(entry, program, kind, device) for entry in value]
    here = value.to(program.type_of_output(value, kind))
    return here.cpu().numpy() if device is None else here.to(device)
