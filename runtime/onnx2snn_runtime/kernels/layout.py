"""The scan of `differential` over a chunk of time on a GPU: gpu/differential.py."""

from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, Tensor
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels.base import KERNELS, Clamp, Scanned
from onnx2snn_runtime.kernels.launch import fits, launch, lay_out, missing, pattern


@KERNELS.register("differential_triton")
class DifferentialTriton:
    """Equal to the bit to T times `Differential.step`; targets may be in half precision, and estimates too."""

    narrows: ClassVar[bool] = True

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return missing()

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        return type(dynamics) is Differential and not dynamics.annealed and fits(target)

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
        """Return the estimates after each of `steps` steps from `v`, in the type `narrow` or that of `v`."""
        if not isinstance(dynamics, Differential):
            raise TypeError("scan() is for dynamics that fits() accepts")
        levels = neuron.levels if dynamics.levels is None else dynamics.levels
        mantissa = neuron.mantissa if dynamics.mantissa is None else dynamics.mantissa
        chunk = lay_out(target, v, steps, neuron, clamp, narrow)
        lo, bits = 2.0 ** -(levels - 1), 52 if v.dtype == torch.float64 else 23
        return launch(
            "differential",
            chunk,
            lo_bits=pattern(lo, v.dtype),
            silent_bits=pattern(lo / 2, v.dtype),
            top_bits=pattern(2.0 - 2.0**-mantissa, v.dtype),
            shift=max(0, bits - mantissa),
            half=int(mantissa < bits),
            odd=int(0 < mantissa < bits),
        )
