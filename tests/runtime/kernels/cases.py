"""What every kernel is tried on, against T steps of its dynamics: values and counts to the bit.

`python -m tests.runtime.kernels.cases NAME DEVICE` tries the kernel NAME on every case, for Triton's interpreter.
"""

import math
import sys
from dataclasses import dataclass, replace
from typing import Any

import torch

from onnx2snn_runtime.chunks import at, extended
from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, make_dynamics
from onnx2snn_runtime.kernels.base import KERNELS, Kernel, Scanned
from onnx2snn_runtime.schedules.exponential import Exponential

Tensor = torch.Tensor
CHUNKS = 3
DYNAMICS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "differential": [("differential", {}), ("differential", {"annealed": 2, "rise": 1})],
    "signgd": [("signgd", {})],
    "subgradient": [
        ("subgradient", {}),
        ("subgradient", {"momentum": 0.3}),
        ("subgradient", {"momentum": 0.6, "nesterov": True}),
    ],
    "integrate_and_fire": [
        ("if", {}),
        ("if", {"reset": "hard", "threshold": 0.7, "initial": 0.3}),
        ("lif", {}),
        ("lif", {"leak": 0.7, "reset": "hard"}),
        ("lif", {"leak": 1.0, "threshold": 1.3}),
    ],
}
"""What each kernel computes: the dynamics with their options."""


@dataclass(frozen=True)
class Case:
    """A chunk: its shape without time, the types, what lies where, and the neuron."""

    shape: tuple[int, ...] = (3, 5, 7, 2)
    wide: torch.dtype = torch.float32
    given: torch.dtype = torch.float32
    narrow: torch.dtype | None = None
    steps: int = 4
    first: int = 1
    scale: str = "number"
    levels: int = 12
    mantissa: int = 1
    sources: int = 1
    clamp: tuple[float, float] | None = None
    ceiling: float = math.inf
    layout: str = "contiguous"
    still: bool = False
    rows: int = 0


CASES = {
    "plain": Case(),
    "odd": Case(shape=(1, 2049), steps=3),
    "threads": Case(shape=(4, 20001), steps=5, rows=3),
    "scalar": Case(shape=()),
    "empty": Case(shape=(0, 4)),
    "relu": Case(clamp=(0.0, math.inf)),
    "clip": Case(clamp=(-0.3, 1.1)),
    "power": Case(mantissa=0),
    "fine": Case(mantissa=5, levels=20, steps=8),
    "whole": Case(mantissa=23, levels=30),
    "deep": Case(levels=160, mantissa=2, steps=6),
    "one level": Case(levels=1, mantissa=0, steps=6),
    "later": Case(first=5),
    "ceiling": Case(ceiling=1.1, steps=6),
    "channels with a ceiling": Case(ceiling=1.1, scale="channel", steps=6, clamp=(0.0, math.inf)),
    "odd scale": Case(scale="odd number", steps=6),
    "fewer rows": Case(steps=7, rows=2, scale="channel"),
    "two sources": Case(sources=2),
    "channels": Case(scale="channel"),
    "neurons": Case(scale="neuron"),
    "scale with axes in front": Case(scale="in front"),
    "uneven scale": Case(scale="uneven"),
    "still": Case(still=True),
    "silent at first, annealed": Case(still=True, clamp=(-0.01, 0.01), steps=12),
    "still channels": Case(still=True, scale="channel", clamp=(0.0, 6.0)),
    "settles": Case(steps=16, rows=2),
    "settles by clamp": Case(steps=9, rows=3, clamp=(0.0, math.inf), scale="channel", shape=(64, 3, 40)),
    "channels last": Case(layout="channels last", scale="channel"),
    "channels last neurons": Case(layout="channels last", scale="neuron"),
    "batch inside": Case(layout="batch inside", scale="neuron"),
    "gaps": Case(layout="gaps", clamp=(0.0, math.inf)),
    "broadcast": Case(layout="broadcast"),
    "double": Case(wide=torch.float64, given=torch.float64),
    "double clip": Case(wide=torch.float64, given=torch.float64, clamp=(-0.3, 1.1), mantissa=0),
    "double uneven": Case(wide=torch.float64, given=torch.float64, scale="uneven", mantissa=9, levels=40),
}
HALF = {
    "float16": Case(given=torch.float16, clamp=(0.0, math.inf)),
    "bfloat16": Case(given=torch.bfloat16, layout="channels last", scale="channel"),
    "float16 out": Case(given=torch.float16, narrow=torch.float16, steps=7, levels=24),
    "float out": Case(given=torch.float32, narrow=torch.float16),
}
DEVICE = {  # Triton's interpreter cuts bfloat16 off where devices round
    "bfloat16 out": Case(given=torch.bfloat16, narrow=torch.bfloat16, still=True, clamp=(0.0, 6.0)),
}


def check(name: str, case: Case, device: str = "cpu") -> None:
    """Assert that the kernel `name` gives what its dynamics gives, over chunks, and leaves its inputs alone."""
    for own, options in DYNAMICS[name.removesuffix("_triton")]:
        dynamics = make_dynamics(own, None if own == "subgradient" else Exponential(), options)
        target, v, neuron = inputs(case)
        state = State(v)
        for chunk in range(CHUNKS):
            aim = target if chunk % 2 == 0 else target.flip(0)  # a new tensor, in another layout
            now = replace(case, first=case.first + chunk * case.steps)
            state = _check_chunk(KERNELS[name](), dynamics, now, aim, state, neuron, device)


def _check_chunk(
    kernel: Kernel, dynamics: Dynamics, case: Case, target: Tensor, state: State, neuron: Neuron, device: str
) -> State:
    """Assert that a chunk from `state` on agrees with steps, and return the state after it."""
    on_device = target.to(device) if target.is_contiguous() else _like(target, device)
    scale = neuron.scale.to(device) if isinstance(neuron.scale, Tensor) else neuron.scale
    assert kernel.fits(dynamics, on_device)
    last, values, events = by_steps(dynamics, case, target, state, neuron)
    given = _moved(state, device)
    before = [x.clone() for x in (on_device, *_flat(given))]
    found = _scan(kernel, dynamics, case, on_device, given, neuron._replace(scale=scale))
    assert 1 <= len(found.values) <= case.steps
    _same(extended(found.values, case.steps), values.to(case.narrow or case.wide))
    assert found.events.dtype == torch.int64
    assert found.events.tolist() == events
    assert [len(part) for part in found.state[1:]] == [len(part) for part in last[1:]]
    for after, other in zip(_flat(found.state), _flat(last), strict=True):
        _same(after, other)
    for after, other in zip((on_device, *_flat(given)), before, strict=True):
        _same(after, other)
    return last


def _same(found: Tensor, expected: Tensor) -> None:
    """Assert that two tensors are of one type and equal; NaN equals NaN."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    torch.testing.assert_close(found.cpu(), expected.cpu(), rtol=0, atol=0, equal_nan=True)


def _flat(state: State) -> tuple[Tensor, ...]:
    return (state.v, *state.memory, *state.momentum)


def _moved(state: State, device: str) -> State:
    """Return `state` on `device`."""
    return State(state.v.to(device), *(tuple(x.to(device) for x in part) for part in state[1:]))


def by_steps(
    dynamics: Dynamics, case: Case, target: Tensor, state: State, neuron: Neuron
) -> tuple[State, Tensor, list[int]]:
    """Return the last state, the estimates and the events of the dynamics itself."""
    values, events = [], []
    for i in range(case.steps):
        aim = at(target, i).to(case.wide)
        aim = aim if case.clamp is None else aim.clamp(*case.clamp)
        state, spike = dynamics.step(state, aim, case.first + i, neuron)
        values.append(state.v)
        events.append(int(torch.count_nonzero(spike)))
    return state, torch.stack(values), events


def inputs(case: Case) -> tuple[Tensor, Tensor, Neuron]:
    """Return a target with everything in it that is hard, a state to go on from, and the neuron."""
    draw = torch.Generator().manual_seed(len(repr(case)))
    shape = (1 if case.still else case.rows or case.steps, *case.shape)
    x = torch.randn(shape, generator=draw, dtype=torch.float64) * 2
    hard = [0.0, -0.0, math.nan, math.inf, -math.inf, 2.0**-140, -(2.0**-149), 3e38, -3e38, 1e-5, 6e4]
    hard += [sign * (1 + m / 8) * 2.0**-k for k in range(14) for m in range(8) for sign in (1, -1)]  # ties among them
    places = torch.randperm(x.numel(), generator=draw)[: len(hard)]
    x.view(-1)[places] = torch.tensor(hard, dtype=torch.float64)[: len(places)]
    x = _laid_out(x.to(case.given), case.layout)
    v = torch.randn(case.shape, generator=draw, dtype=torch.float64).to(case.wide) if case.first > 1 else None
    v = torch.zeros(case.shape, dtype=case.wide) if v is None else (v * 8).round() / 8
    neuron = Neuron(_scale(case), case.sources, case.levels, case.mantissa, case.ceiling)
    return x, v, neuron


def _scale(case: Case) -> Tensor | float:
    if case.scale == "number":
        return 2.0
    if case.scale == "odd number":
        return 0.7
    shape = case.shape[1:]
    if case.scale == "channel":
        return (2.0 ** torch.arange(-2, shape[0] - 2)).to(case.wide).reshape(-1, *[1] * (len(shape) - 1))
    if case.scale == "in front":
        return 2.0 ** torch.arange(shape[0]).to(case.wide).reshape(1, -1, *[1] * (len(shape) - 1))
    numbers = torch.arange(1, math.prod(shape) + 1).reshape(shape).to(case.wide)
    return numbers / 7 if case.scale == "uneven" else 2.0 ** (numbers % 5)


def _laid_out(x: Tensor, layout: str) -> Tensor:
    if layout == "channels last":
        return x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    if layout == "batch inside":
        return x.transpose(1, 2).contiguous().transpose(1, 2)
    if layout == "gaps":
        return torch.stack([x, x], -1)[..., 0]
    return x[..., :1].expand(x.shape) if layout == "broadcast" else x


def _like(x: Tensor, device: str) -> Tensor:
    """Return `x` on `device` with its strides."""
    held = torch.as_strided(x, (x.untyped_storage().size() // x.element_size(),), (1,), 0).to(device)
    return torch.as_strided(held, x.shape, x.stride(), x.storage_offset())


def _scan(kernel: Kernel, dynamics: Dynamics, case: Case, target: Tensor, state: State, neuron: Neuron) -> Scanned:
    """Return what the kernel makes of the chunk; asked for half precision only where it is wanted."""
    narrow = (case.narrow,) if case.narrow else ()
    return kernel.scan(dynamics, target, state, case.steps, case.first, neuron, case.clamp, *narrow)


def main(name: str, device: str) -> None:
    """Try the kernel on every case and print how many there were; the first difference raises."""
    torch.set_num_threads(1)
    for label, case in {**CASES, **HALF}.items():
        try:
            check(name, case, device)
        except Exception as error:
            error.add_note(f"in the case {label!r}")
            raise
    print(f"{len(CASES) + len(HALF)} cases of {name} on {device} agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
