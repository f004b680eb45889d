"""Kernels of the dynamics `signgd`: signgd.c for CPUs, gpu/signgd.py for GPUs."""

from typing import ClassVar, TypeGuard

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import TritonKernel
from onnx2snn_runtime.kernels.native import CKernel
from onnx2snn_runtime.kernels.plans import DynamicsKernel, Plan
from onnx2snn_runtime.optimizers.sgd import SGD


class SignGDPlans(DynamicsKernel[SignGD]):
    """Plain sgd only, without momentum or weight decay; other optimizers run without a kernel. The table is eta(t)."""

    source: ClassVar[str] = "signgd"

    def supports(self, dynamics: Dynamics) -> TypeGuard[SignGD]:
        """Return whether `dynamics` is sign gradient descent by plain sgd."""
        return type(dynamics) is SignGD and type(dynamics.optimizer) is SGD and dynamics.optimizer.plain

    def plan(self, dynamics: SignGD, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps; a silent neuron may fire again, as step sizes may be 0.

        A scale that is a number is multiplied into the step sizes in double precision, as in the dynamics.
        """
        factor, scale = (1.0, neuron.scale) if isinstance(neuron.scale, Tensor) else (neuron.scale, 1.0)
        etas = tuple(dynamics.schedule(t + i) * factor for i in range(steps))
        return Plan(state, scale, etas, flags={"strict": int(neuron.sources > 1)})


@KERNELS.register("signgd")
class SignGDScan(SignGDPlans, CKernel[SignGD]):
    """Equal to the bit to T times `SignGD.step`."""


@KERNELS.register("signgd_triton")
class SignGDTriton(SignGDPlans, TritonKernel[SignGD]):
    """Equal to the bit to T times `SignGD.step`."""
