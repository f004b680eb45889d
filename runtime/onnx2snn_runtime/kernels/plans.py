"""The device-independent part of a kernel: which dynamics it computes, and the parameters of a scan (the plan)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeGuard, TypeVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.kernels.base import Ask, Clamp, Scanned
from onnx2snn_runtime.kernels.pointwise import Pointwise
from onnx2snn_runtime.kernels.tallied import Tallied

D = TypeVar("D", bound=Dynamics)


@dataclass(frozen=True)
class Plan:
    """The parameters of a scan, besides its target.

    state        the state before the chunk; states that do not exist before the first step are filled in
    scale        a number for each neuron, or one for all
    table        a number for each time step
    reals        real parameters by name, in the order in which kernels receive them; at most 4
    flags        integer parameters, likewise; at most 3
    silent_from  index of the step from which on a silent neuron stays silent while its target is constant; None: never

    `table` and `reals` are rounded to the type of v.
    """

    state: State
    scale: Tensor | float
    table: tuple[float, ...]
    reals: Mapping[str, float] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    silent_from: int | None = None

    @property
    def states(self) -> tuple[Tensor, ...]:
        """The state besides v: what the dynamics keeps for itself, then the decoder's momentum."""
        return (*self.state.memory, *self.state.momentum)

    def after(self, v: Tensor, states: tuple[Tensor, ...]) -> State:
        """Return the state with the values `v` and `states`."""
        kept = len(self.state.memory)
        return State(v, states[:kept], states[kept:])


class DynamicsKernel(Generic[D]):
    """Base class of kernels; `supports` and `plan` belong to a dynamics, `missing`, `fits` and `run` to a device."""

    source: ClassVar[str]
    """The file with the arithmetic of the dynamics: `source`.c for CPUs, gpu/`source`.py for GPUs."""

    states: ClassVar[int] = 0
    """The number of states besides v, at most 3; a dynamics with certain options has none of them."""

    def supports(self, dynamics: Dynamics) -> TypeGuard[D]:
        """Return whether this kernel computes `dynamics`."""
        raise NotImplementedError

    def plan(self, dynamics: D, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps from `state`, the first of which is step `t`."""
        raise NotImplementedError

    def computes(self) -> bool:
        """Return whether this kernel computes pointwise functions: not unless it says so."""
        return False

    def run(self, plan: Plan, target: Tensor, steps: int, ask: Ask) -> Scanned:
        """Scan `steps` steps towards `target` with the parameters of `plan`."""
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
        function: Pointwise | None = None,
        spare: Sequence[int] = (),
        tallied: Tallied | None = None,
        sends: bool = False,
    ) -> Scanned:
        """Scan, see `Kernel.scan`; dynamics that are not supported raise TypeError."""
        if not self.supports(dynamics):
            raise TypeError("scan() is for dynamics that fits() accepts")
        asked = Ask(clamp, narrow, function, spare, tallied, sends)
        return self.run(self.plan(dynamics, state, steps, t, neuron), target, steps, asked)
