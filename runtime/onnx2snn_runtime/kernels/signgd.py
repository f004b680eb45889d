"""The scan of `signgd` over a chunk of time on a CPU: one pass over memory, compiled from signgd.c."""

import ctypes
import math
from typing import ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Neuron, Tensor
from onnx2snn_runtime.dynamics.signgd import SignGD
from onnx2snn_runtime.kernels.base import KERNELS, Clamp, Scanned
from onnx2snn_runtime.kernels.native import library, share_out, shares, spread, unavailable
from onnx2snn_runtime.optimizers.sgd import SGD

_REAL = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}


@KERNELS.register("signgd")
class SignGDScan:
    """Equal to the bit to T times `SignGD.step`."""

    narrows: ClassVar[bool] = False

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return unavailable("signgd")

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        if not plain(dynamics) or target.device.type != "cpu" or target.dtype not in _REAL:
            return False
        return library("signgd") is not None

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
        native = library("signgd")
        if native is None or not isinstance(dynamics, SignGD):
            raise TypeError("scan() is for targets that fits() accepts")
        real = _REAL[target.dtype]
        kernel = getattr(native.handle, f"signgd_{str(target.dtype)[6:]}")
        target, state = target.contiguous(), v.clone(memory_format=torch.contiguous_format)
        out = torch.empty((steps, *v.shape), dtype=v.dtype)
        size = v.numel()
        numbers, factor = moves(dynamics, neuron, t, steps)
        etas = torch.tensor(numbers, dtype=torch.float64).to(v.dtype)
        scale = spread(factor, v)
        period = scale.numel() if isinstance(factor, Tensor) else 1
        low, high = clamp or (-math.inf, math.inf)
        parts = shares(size, steps)
        counts = torch.zeros(len(parts), steps, dtype=torch.int64)

        def run(index: int) -> None:
            begin, end = parts[index]
            kernel(
                _at(target), ctypes.c_int64(size if len(target) > 1 else 0), _at(state), _at(out), _at(counts[index]),
                ctypes.c_int64(steps), ctypes.c_int64(size), ctypes.c_int64(begin), ctypes.c_int64(end), _at(scale),
                ctypes.c_int64(period), _at(etas), ctypes.c_int32(neuron.sources > 1), real(low), real(high),
            )  # fmt: skip

        share_out(run, len(parts))
        return Scanned(out, counts.sum(0), state)


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


def _at(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
