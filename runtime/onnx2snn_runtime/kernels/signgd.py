"""The scan of `signgd` over a chunk of time: signgd.c on a CPU, gpu/signgd.py on a GPU."""

from typing import ClassVar, TypeGuard

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, State, Tensor
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.kernels.base import KERNELS
from onnx2snn_runtime.kernels.launch import Launched
from onnx2snn_runtime.kernels.native import Compiled
from onnx2snn_runtime.kernels.plans import Plan, Planned
from onnx2snn_runtime.optimizers.sgd import SGD


class SignGDPlans(Planned[SignGD]):
    """By plain sgd, without momentum or weight decay; other optimizers are stepped."""

    source: ClassVar[str] = "signgd"

    def follows(self, dynamics: Dynamics) -> TypeGuard[SignGD]:
        """Return whether `dynamics` is sign gradient descent by plain sgd."""
        return type(dynamics) is SignGD and type(dynamics.optimizer) is SGD and dynamics.optimizer.plain

    def plan(self, dynamics: SignGD, state: State, steps: int, t: int, neuron: Neuron) -> Plan:
        """Return the parameters of `steps` steps; silence says nothing, as a step size may be 0.

        A scale that is a number is multiplied into the step sizes in double precision, as the dynamics does it.
        """
        factor, scale = (1.0, neuron.scale) if isinstance(neuron.scale, Tensor) else (neuron.scale, 1.0)
        etas = tuple(dynamics.schedule(t + i) * factor for i in range(steps))
        return Plan(state, scale, etas, flags={"STRICT": int(neuron.sources > 1)})


@KERNELS.register("signgd")
class SignGDScan(SignGDPlans, Compiled[SignGD]):
    """Equal to the bit to T times `SignGD.step`."""


@KERNELS.register("signgd_triton")
class SignGDTriton(SignGDPlans, Launched[SignGD]):
    """Equal to the bit to T times `SignGD.step`."""
