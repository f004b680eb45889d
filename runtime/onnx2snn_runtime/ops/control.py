"""Control flow. A graph attribute is a callable over its inputs; conditions are read on the host."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from onnx2snn_runtime.ops import Declared, Scalar, operator

OPERATORS: Declared = {
    "If Loop": {"unrolled": True},
    "Scan": {"unrolled": True, "since": 8},
}


Body = Callable[..., tuple[Any, ...]]


@operator("If")
def if_(condition: Scalar, *, then_branch: Body, else_branch: Body) -> tuple[Any, ...]:
    """y = the outputs of `then_branch` where the condition holds, else those of `else_branch`."""
    return tuple(then_branch() if condition else else_branch())


@operator("Loop")
def loop(trips: Scalar | None = None, condition: Scalar | None = None, *state: Tensor, body: Body) -> tuple[Any, ...]:
    """(last state ..., scans ...) of body(i, condition, *state) -> (condition, *state, *scans), until it is false."""
    going, i = condition is None or bool(condition), 0
    current: tuple[Any, ...] = state
    device = next((x.device for x in state if isinstance(x, Tensor)), None)
    scans: list[tuple[Tensor, ...]] = []
    while going and (trips is None or i < trips):
        result = body(torch.tensor(i, device=device), torch.tensor(going, device=device), *current)
        going, current = bool(result[0]), tuple(result[1 : 1 + len(state)])
        scans.append(tuple(result[1 + len(state) :]))
        i += 1
    return (*current, *(torch.stack(scan) for scan in zip(*scans, strict=True)))


def _places(axes: list[int] | None, count: int) -> list[int]:
    return axes if axes is not None else [0] * count


@operator("Scan", since=9)
def scan(
    *inputs: Tensor,
    body: Body,
    num_scan_inputs: int,
    scan_input_axes: list[int] | None = None,
    scan_input_directions: list[int] | None = None,
    scan_output_axes: list[int] | None = None,
    scan_output_directions: list[int] | None = None,
) -> tuple[Tensor, ...]:
    """(last state ..., scan outputs ...) of body(*state, *slices) -> (*state, *scans) over the slices of the inputs."""
    split = len(inputs) - num_scan_inputs
    state, sequences = tuple(inputs[:split]), inputs[split:]
    axes, backwards = _places(scan_input_axes, num_scan_inputs), _places(scan_input_directions, num_scan_inputs)
    slices = [
        x.movedim(axis, 0).flip(0) if back else x.movedim(axis, 0)
        for x, axis, back in zip(sequences, axes, backwards, strict=True)
    ]
    scans: list[tuple[Tensor, ...]] = []
    for i in range(slices[0].shape[0]):
        result = body(*state, *(x[i] for x in slices))
        state = tuple(result[:split])
        scans.append(tuple(result[split:]))
    outputs = [torch.stack(parts) for parts in zip(*scans, strict=True)]
    axes, backwards = _places(scan_output_axes, len(outputs)), _places(scan_output_directions, len(outputs))
    turned = (y.flip(0) if back else y for y, back in zip(outputs, backwards, strict=True))
    return (*state, *(y.movedim(0, axis) for y, axis in zip(turned, axes, strict=True)))


@operator("Scan", since=8)
def scan_batched(
    lengths: Tensor | None, *inputs: Tensor, body: Body, num_scan_inputs: int, directions: list[int] | None = None
) -> tuple[Tensor, ...]:
    """Scan of opset 8: every input has a leading batch axis, and sequences run along axis 1."""
    results = []
    for sample in range(inputs[0].shape[0]):
        one = [x[sample] for x in inputs]
        if lengths is not None:
            split = len(one) - num_scan_inputs
            one = one[:split] + [x[: int(lengths[sample])] for x in one[split:]]
        results.append(scan(*one, body=body, num_scan_inputs=num_scan_inputs, scan_input_directions=directions))
    return tuple(torch.stack(parts) for parts in zip(*results, strict=True))
