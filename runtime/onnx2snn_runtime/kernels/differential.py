"""The scan of `differential` over a chunk of time on a CPU: one pass over memory, compiled from differential.c."""

import ctypes
import math
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, Tensor
from onnx2snn_runtime.dynamics.differential import Differential
from onnx2snn_runtime.kernels.base import KERNELS, Clamp, Scanned
from onnx2snn_runtime.kernels.native import library, share_out, shares, spread, unavailable

_REAL = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


@KERNELS.register("differential")
class DifferentialScan:
    """Equal to the bit to T times `Differential.step`."""

    narrows: ClassVar[bool] = False

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return unavailable("differential")

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        if type(dynamics) is not Differential or dynamics.annealed:
            return False
        return target.device.type == "cpu" and target.dtype in _REAL and library("differential") is not None

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
        """Return the estimates after each of `steps` steps from `v`, towards `target` [steps or 1, ...]."""
        native = library("differential")
        if native is None or not isinstance(dynamics, Differential):
            raise TypeError("scan() is for targets that fits() accepts")
        levels = neuron.levels if dynamics.levels is None else dynamics.levels
        mantissa = neuron.mantissa if dynamics.mantissa is None else dynamics.mantissa
        real = _REAL[target.dtype]
        kernel = getattr(native.handle, f"differential_{str(target.dtype)[6:]}")
        target, state = target.contiguous(), v.clone(memory_format=torch.contiguous_format)
        out, size = torch.empty((steps, *v.shape), dtype=v.dtype), v.numel()
        scale = spread(neuron.scale, v)
        period = 1 if isinstance(neuron.scale, float) else scale.numel()
        low, high = clamp or (-math.inf, math.inf)
        parts = shares(size, steps)
        counts = torch.zeros(len(parts), steps, dtype=torch.int64)
        lo, top = real(2.0 ** -(levels - 1)), real(2.0 - 2.0**-mantissa)

        def run(index: int) -> None:
            begin, end = parts[index]
            kernel(
                _at(target), ctypes.c_int64(size if len(target) > 1 else 0), _at(state), _at(out), _at(counts[index]),
                ctypes.c_int64(steps), ctypes.c_int64(size), ctypes.c_int64(begin), ctypes.c_int64(end), _at(scale),
                ctypes.c_int64(period), lo, top, ctypes.c_int32(mantissa), real(low), real(high),
            )  # fmt: skip

        share_out(run, len(parts))
        return Scanned(out, counts.sum(0), state)


def _at(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
