"""Kernels of the dynamics `ternary`: ternary.c for CPUs, gpu/ternary.py for GPUs."""

from typing import ClassVar, TypeGuard

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.dynamics.ternary import Ternary
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import TritonKernel
from onnx2snn_runtime.kernels.native import CKernel
from onnx2snn_runtime.kernels.plans import DynamicsKernel, Plan


class TernaryPlans(DynamicsKernel[Ternary]):
    """A dead zone of half a step only. The table is eta(t)."""

    source: ClassVar[str] = "ternary"

    def supports(self, dynamics: Dynamics) -> TypeGuard[Ternary]:
        """Return whether `dynamics` is ternary with the dead zone it has by default."""
        return type(dynamics) is Ternary and dynamics.zone == 0.5

    def plan(self, dynamics: Ternary, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps; a silent neuron may fire again, as step sizes fall.

        A scale that is a number is multiplied into the step sizes in double precision, as in the dynamics.
        """
        number = not isinstance(neuron.scale, Tensor)
        factor = float(neuron.scale) if number else 1.0
        etas = tuple(dynamics.eta(t + i, neuron) * factor for i in range(steps))
        return Plan(
            state, 1.0 if number else neuron.scale, etas, {"bound": factor, "zone": dynamics.least(neuron) * factor}
        )


@KERNELS.register("ternary")
class TernaryScan(TernaryPlans, CKernel[Ternary]):
    """Equal to the bit to T times `Ternary.step`."""


@KERNELS.register("ternary_triton")
class TernaryTriton(TernaryPlans, TritonKernel[Ternary]):
    """Equal to the bit to T times `Ternary.step`."""
