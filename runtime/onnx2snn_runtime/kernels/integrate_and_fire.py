"""Kernels of the dynamics `if` and `lif`: integrate_and_fire.c for CPUs, gpu/integrate_and_fire.py for GPUs."""

from typing import ClassVar, TypeGuard

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State
from onnx2snn_runtime.dynamics.integrate_and_fire import TIE, IntegrateAndFire
from onnx2snn_runtime.dynamics.leaky_integrate_and_fire import LeakyIntegrateAndFire
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import TritonKernel
from onnx2snn_runtime.kernels.native import CKernel
from onnx2snn_runtime.kernels.plans import DynamicsKernel, Plan


class IntegrateAndFirePlans(DynamicsKernel[IntegrateAndFire]):
    """The table holds the share of each step in the average; the states are membrane, charge and sum of spikes.

    A membrane fires from `tie` times its threshold on.
    """

    source: ClassVar[str] = "integrate_and_fire"
    states: ClassVar[int] = 3

    def supports(self, dynamics: Dynamics) -> TypeGuard[IntegrateAndFire]:
        """Return whether `dynamics` is the integrate-and-fire neuron, leaky or not."""
        return type(dynamics) in (IntegrateAndFire, LeakyIntegrateAndFire)

    def plan(self, dynamics: IntegrateAndFire, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps."""
        if not state.memory:
            state = State(state.v, dynamics.rest(state.v, neuron), (torch.zeros_like(state.v),))
        return Plan(
            state,
            neuron.threshold(dynamics.threshold),
            table=tuple(dynamics.share(t + i) for i in range(steps)),
            reals={"keep": dynamics.keep, "tie": 1 - TIE},
            flags={"hard": int(dynamics.reset == "hard")},
        )


@KERNELS.register("integrate_and_fire")
class IntegrateAndFireScan(IntegrateAndFirePlans, CKernel[IntegrateAndFire]):
    """Equal to the bit to T times `IntegrateAndFire.step`."""


@KERNELS.register("integrate_and_fire_triton")
class IntegrateAndFireTriton(IntegrateAndFirePlans, TritonKernel[IntegrateAndFire]):
    """Equal to the bit to T times `IntegrateAndFire.step`."""
