"""Streams that begin anew, where a scene has jumped: how much a frame has changed, and states without some samples."""

from collections.abc import Mapping

import torch

from onnx2snn_runtime.dynamics.base import State
from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.ports import Port
from onnx2snn_runtime.program.real_samples import chosen


def relative_change(now: Mapping[str, Tensor], before: Mapping[str, Tensor], ports: tuple[Port, ...]) -> Tensor:
    """Return |x - x'| / |x'| of each sample, the largest of all float inputs, [samples]; [1] without a sample axis."""
    found: list[Tensor] = []
    for port in ports:
        x, last = now[port.name], before[port.name]
        if not x.is_floating_point():
            continue
        found.append(_norms(x - last, port.axis) / _norms(last, port.axis).clamp(min=torch.finfo(x.dtype).tiny))
    if not found:
        raise InputError("no input of the network is a number with a fraction: its own change cannot cut a stream")
    most = max(len(each) for each in found)
    return torch.stack([each.expand(most) for each in found]).amax(0)


def _norms(x: Tensor, axis: int | None) -> Tensor:
    rows = x.reshape(1, -1) if axis is None else x.movedim(axis, 0).flatten(1) if x.ndim > 1 else x.reshape(-1, 1)
    return torch.linalg.vector_norm(rows, dim=1)


def without(states: Mapping[str, State], rows: list[int], axes: Mapping[str, int | None]) -> dict[str, State]:
    """Return `states` as they are at first for the samples `rows`; `axes` are the sample axes by name.

    A neuron with a memory of its own, or states without samples of their own, raise InputError.
    """
    made = {}
    for name, state in states.items():
        axis = axes.get(name)
        if state.memory or state.momentum or axis is None:
            raise InputError(
                "one stream of several cannot begin anew here: the neurons keep more than an estimate, or mix the "
                "samples; run the streams one by one, or reset() all of them"
            )
        index = chosen(rows, state.v.device)
        made[name] = State(state.v.index_fill(axis, index, 0.0))
    return made
