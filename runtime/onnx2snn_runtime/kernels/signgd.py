"""The scan of `signgd` over a chunk of time on a CPU: one pass over memory, compiled from signgd.c."""

import math
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, Tensor
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.kernels import native
from onnx2snn_runtime.kernels.base import KERNELS, Clamp, Scanned
from onnx2snn_runtime.kernels.compiling import unavailable
from onnx2snn_runtime.optimizers.sgd import SGD


@KERNELS.register("signgd")
class SignGDScan:
    """Equal to the bit to T times `SignGD.step`."""

    narrows: ClassVar[bool] = False

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return unavailable("signgd")

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        return plain(dynamics) and native.fits("signgd", target)

    def scan(
        self,
        dynamics: Dynamics,
        target: Tensor,
        v: Tensor,
        steps: int,
        t: int,
        neuron: Neuron,
        clamp: Clamp | None,
        narrow: torch.dtype | None = None,
    ) -> Scanned:
        """Return the estimates after each of `steps` steps from `v`, towards `target` [1 to steps, ...]."""
        if not isinstance(dynamics, SignGD):
            raise TypeError("scan() is for targets that fits() accepts")
        numbers, factor = moves(dynamics, neuron, t, steps)
        etas = torch.tensor(numbers, dtype=torch.float64).to(v.dtype)
        bounds = clamp or (-math.inf, math.inf)
        return native.scan("signgd", target, v, steps, factor, bounds, (etas, int(neuron.sources > 1)))


def plain(dynamics: Dynamics) -> bool:
    """Return whether `dynamics` is sign gradient descent by plain sgd."""
    return type(dynamics) is SignGD and type(dynamics.optimizer) is SGD and dynamics.optimizer.plain


def moves(dynamics: SignGD, neuron: Neuron, t: int, steps: int) -> tuple[tuple[float, ...], Tensor | float]:
    """Return the step sizes of `steps` steps from `t` on, and what multiplies them in the type of the state.

    A scale that is a number is multiplied into the step sizes in double precision, as the dynamics does it.
    """
    etas = tuple(dynamics.schedule(t + i) for i in range(steps))
    if isinstance(neuron.scale, Tensor):
        return etas, neuron.scale
    return tuple(eta * neuron.scale for eta in etas), 1.0
