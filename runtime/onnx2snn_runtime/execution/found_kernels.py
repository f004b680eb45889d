"""What is found once for the runs of a program: kernels by type and device, their calls, states before the start."""

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State
from onnx2snn_runtime.execution.functions import Bound
from onnx2snn_runtime.kernels import base
from onnx2snn_runtime.kernels.native import CKernel
from onnx2snn_runtime.kernels.prepared import Ready
from onnx2snn_runtime.program.interpreter import Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program

MOST_KINDS = 4096
"""So many kinds of populations have calls that are kept."""


class Kernels:
    """Finds the kernels of `dynamics`, for estimates in the type `wide`; it is used in one thread."""

    def __init__(self, dynamics: Dynamics, wide: torch.dtype) -> None:
        self.dynamics, self.wide = dynamics, wide
        self._found: dict[Any, base.Kernel | None] = {}
        self._starts: dict[Any, State] = {}
        self._seen: dict[Any, Any] = {}
        self._ready: dict[Any, tuple[Ready | None, Any]] = {}

    def find(self, target: Tensor) -> base.Kernel | None:
        """Return the kernel for targets like this one, None where there is none."""
        key = (target.dtype, target.device)
        if key not in self._found:
            self._found[key] = base.find_kernel(self.dynamics, target)
        return self._found[key]

    def function(self, bound: Bound | None, sources: Sequence[Tensor]) -> Bound | None:
        """Return the function of a population if a kernel computes it for these sources."""
        if bound is None or self.dynamics.rectifies or not bound.function.fits(sources, self.wide):
            return None
        return bound if base.computes(self.find(sources[0])) else None

    def tallies(self, dtype: torch.dtype, device: torch.device) -> bool:
        """Return whether the kernel for targets of this type tallies what it sends, and gives it."""
        key = (dtype, device)
        if key not in self._found:
            self.find(torch.zeros((1, 1), dtype=dtype, device=device))
        return isinstance(self._found[key], CKernel)

    def start(self, item: Population, like: Tensor) -> State:
        """Return the state of `item` before its first step: one for all equal shapes; see `Execution.start`."""
        item.check_scale(like.shape)
        key = (like.shape, like.device)
        if key not in self._starts:
            self._starts[key] = self.dynamics.init(like.to(self.wide))
        return self._starts[key]

    def again(self, key: Any, state: State | None) -> Ready | None:
        """Return the call that was kept under `key`, a `kind`, if it can go on from `state`."""
        found = self._ready.get(key)
        ready = None if found is None else found[0]
        return ready if ready is None or state is None or ready.continues(state) else None

    def keep(self, key: Any, neuron: Neuron, bound: Bound, sources: Sequence[Tensor], ask: base.Ask, t: int) -> None:
        """Keep the call for populations of the kind `key`, whose first of `key[0]` steps is step `t`.

        Of the first of a kind nothing is prepared: it may be the only one.
        """
        kernel = self.find(sources[0])
        if key in self._ready or not isinstance(kernel, CKernel):
            return
        if len(self._seen) >= MOST_KINDS:
            self._seen.clear()
            self._ready.clear()
        if key not in self._seen:
            self._seen[key] = neuron, bound
            return
        plan = kernel.plan(self.dynamics, State(sources[0][0]), key[0], t, neuron)
        self._ready[key] = kernel.ready(plan, sources[0], key[0], ask), (neuron, bound)


class _Held(threading.local):
    """What this thread holds of each program: the last key, and its kernels."""

    def __init__(self) -> None:
        self.programs: WeakKeyDictionary[Program, tuple[Any, Kernels]] = WeakKeyDictionary()


_HELD = _Held()


def kernels_of(program: Program, dynamics: Dynamics) -> Kernels:
    """Return the kernels of `dynamics` for `program`, in this thread those of the last run if nothing has changed."""
    key = (program.version, program.device, program.wide, torch.get_num_threads(), dynamics)
    held = _HELD.programs.get(program)
    if held is None or held[0] != key:
        held = _HELD.programs[program] = key, Kernels(dynamics, program.wide)
    return held[1]


def kind(
    steps: int, t: int | None, neuron: Neuron, bound: Bound, sources: Sequence[Tensor], spare: Sequence[int]
) -> tuple[Any, ...]:
    """Return what tells apart populations that one call of a kernel does not do for: the steps, what is asked of them.

    `t` is the first step, None where a step is like every other.
    Neurons and functions are told apart by identity: who keeps a call keeps them.
    """
    return (
        steps, t, id(neuron), id(bound), spare, *[part for x in sources for part in (x.shape, x.stride(), x.dtype)],
    )  # fmt: skip
