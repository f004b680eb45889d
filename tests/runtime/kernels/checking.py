"""Every kernel against T steps of its dynamics: values, counts and state to the bit, over several chunks.

`python -m tests.runtime.kernels.checking NAME DEVICE` tries the kernel NAME on every case, for Triton's interpreter.
"""

import sys
from dataclasses import replace
from typing import Any

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, make_dynamics
from onnx2snn_runtime.kernels.base import KERNELS, Kernel, Scanned
from onnx2snn_runtime.kernels.chunks import at, extended
from onnx2snn_runtime.schedules.exponential import Exponential
from tests.runtime.kernels.cases import CASES, HALF, Case, inputs

Tensor = torch.Tensor
CHUNKS = 3
DYNAMICS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "differential": [("differential", {}), ("differential", {"annealed": 2, "rise": 1})],
    "signgd": [("signgd", {})],
    "ternary": [("ternary", {})],
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
    """Assert that a chunk from `state` on agrees with steps, and return the state the kernel gives."""
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
    return _moved(found.state, "cpu")


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
