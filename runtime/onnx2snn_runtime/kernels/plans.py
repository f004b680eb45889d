"""What kernels must know of a dynamics and a population, on any device: a plan a chunk, from the dynamics' own file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeGuard, TypeVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.kernels.base import Clamp, Scanned

D = TypeVar("D", bound=Dynamics)


@dataclass(frozen=True)
class Plan:
    """The parameters of a scan, besides its target.

    state   what the chunk starts from; what a state lacks before the first step is filled in
    scale   a number for each neuron, or one for all
    table   a number for each step
    reals   numbers, by the name they have in a kernel
    flags   whole numbers, likewise
    done    the step of the chunk, from 0, from which on a silent neuron stays so if its target does; None: never

    `table` and `reals` are rounded to the type of v.
    """

    state: State
    scale: Tensor | float
    table: tuple[float, ...]
    reals: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    done: int | None = None

    @property
    def carried(self) -> tuple[Tensor, ...]:
        """The state besides v."""
        return (*self.state.memory, *self.state.momentum)

    def after(self, v: Tensor, carried: tuple[Tensor, ...]) -> State:
        """Return the state with `v` and `carried` in the place of its own."""
        kept = len(self.state.memory)
        return State(v, carried[:kept], carried[kept:])


class Planned(Generic[D]):
    """A kernel of two halves: `follows` and `plan` belong to a dynamics, `missing`, `fits` and `run` to a device."""

    source: ClassVar[str]
    """The name of the code."""

    carries: ClassVar[tuple[str, ...]] = ()
    """The names there of the state besides v, in order; a state may lack the last ones."""

    def follows(self, dynamics: Dynamics) -> TypeGuard[D]:
        """Return whether this kernel computes `dynamics`."""
        raise NotImplementedError

    def plan(self, dynamics: D, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps from `state`, the first of which is step `t`."""
        raise NotImplementedError

    def run(self, plan: Plan, target: Tensor, steps: int, clamp: Clamp | None, narrow: torch.dtype | None) -> Scanned:
        """Run the code by `plan`."""
        raise NotImplementedError

    def scan(
        self,
        dynamics: Dynamics,
        target: Tensor,
        state: State,
        steps: int,
        t: int,
        neuron: Neuron,
        clamp: Clamp | None,
        narrow: torch.dtype | None = None,
    ) -> Scanned:
        """Return what `steps` steps make of `state`, as `Kernel.scan` has it; other dynamics raise TypeError."""
        if not self.follows(dynamics):
            raise TypeError("scan() is for dynamics that fits() accepts")
        return self.run(self.plan(dynamics, state, steps, t, neuron), target, steps, clamp, narrow)
