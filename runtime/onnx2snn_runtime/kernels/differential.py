"""The scan of `differential` over a chunk of time on a CPU: one pass over memory, compiled from differential.c."""

import math
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, Tensor
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels import native
from onnx2snn_runtime.kernels.base import KERNELS, Clamp, Scanned
from onnx2snn_runtime.kernels.compiling import unavailable


@KERNELS.register("differential")
class DifferentialScan:
    """Equal to the bit to T times `Differential.step`."""

    narrows: ClassVar[bool] = False

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return unavailable("differential")

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        return type(dynamics) is Differential and not dynamics.annealed and native.fits("differential", target)

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
        if not isinstance(dynamics, Differential):
            raise TypeError("scan() is for targets that fits() accepts")
        levels = neuron.levels if dynamics.levels is None else dynamics.levels
        mantissa = neuron.mantissa if dynamics.mantissa is None else dynamics.mantissa
        reals = (*(clamp or (-math.inf, math.inf)), 2.0 ** -(levels - 1), 2.0 - 2.0**-mantissa)
        return native.scan("differential", target, v, steps, neuron.scale, reals, (mantissa,))
