"""Kernels of the dynamics `subgradient`: subgradient.c for CPUs, gpu/subgradient.py for GPUs."""

from typing import ClassVar, TypeGuard

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State
from onnx2snn_runtime.dynamics.subgradient import Subgradient
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import TritonKernel
from onnx2snn_runtime.kernels.native import CKernel
from onnx2snn_runtime.kernels.plans import DynamicsKernel, Plan


class SubgradientPlans(DynamicsKernel[Subgradient]):
    """The table holds the step sizes; the momentum is a state, unless the dynamics has none."""

    source: ClassVar[str] = "subgradient"
    states: ClassVar[int] = 1

    def supports(self, dynamics: Dynamics) -> TypeGuard[Subgradient]:
        """Return whether `dynamics` is the subgradient method."""
        return type(dynamics) is Subgradient

    def plan(self, dynamics: Subgradient, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps; the momentum before the first is -0: m + -0 is m, whatever m is."""
        if dynamics.momentum and not state.momentum:
            state = state._replace(momentum=(torch.full_like(state.v, -0.0),))
        etas = tuple(dynamics.schedule(t + i) for i in range(steps))
        reals, flags = {"keep": dynamics.momentum}, {"nesterov": int(dynamics.nesterov)}
        return Plan(state, neuron.threshold(), etas, reals, flags)


@KERNELS.register("subgradient")
class SubgradientScan(SubgradientPlans, CKernel[Subgradient]):
    """Equal to the bit to T times `Subgradient.step`."""


@KERNELS.register("subgradient_triton")
class SubgradientTriton(SubgradientPlans, TritonKernel[Subgradient]):
    """Equal to the bit to T times `Subgradient.step`."""
