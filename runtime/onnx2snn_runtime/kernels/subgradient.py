"""The scan of `subgradient` over a chunk of time: subgradient.c on a CPU, gpu/subgradient.py on a GPU."""

from typing import ClassVar, TypeGuard

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State
from onnx2snn_runtime.dynamics.subgradient import Subgradient
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import Launched
from onnx2snn_runtime.kernels.native import Compiled
from onnx2snn_runtime.kernels.plans import Plan, Planned


class SubgradientPlans(Planned[Subgradient]):
    """The table holds the step sizes; without momentum nothing is carried but v."""

    source: ClassVar[str] = "subgradient"
    carries: ClassVar[tuple[str, ...]] = ("momentum",)

    def follows(self, dynamics: Dynamics) -> TypeGuard[Subgradient]:
        """Return whether `dynamics` is the subgradient method."""
        return type(dynamics) is Subgradient

    def plan(self, dynamics: Subgradient, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps; the momentum before the first is -0: m + -0 is m, whatever m is."""
        if dynamics.momentum and not state.momentum:
            state = state._replace(momentum=(torch.full_like(state.v, -0.0),))
        etas = tuple(dynamics.schedule(t + i) for i in range(steps))
        reals, flags = {"keep": dynamics.momentum}, {"NESTEROV": int(dynamics.nesterov)}
        return Plan(state, neuron.threshold(), etas, reals, flags)


@KERNELS.register("subgradient")
class SubgradientScan(SubgradientPlans, Compiled[Subgradient]):
    """Equal to the bit to T times `Subgradient.step`."""


@KERNELS.register("subgradient_triton")
class SubgradientTriton(SubgradientPlans, Launched[Subgradient]):
    """Equal to the bit to T times `Subgradient.step`."""
