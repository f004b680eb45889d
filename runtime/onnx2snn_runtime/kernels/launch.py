"""What the kernels for GPUs share, those of Triton in `gpu`: whether they can run here, and how they are launched."""

import functools
import importlib
import os
from typing import Any, ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Tensor
from onnx2snn_runtime.kernels.base import Clamp, Scanned
from onnx2snn_runtime.kernels.layout import TARGETS, lay_out, pattern
from onnx2snn_runtime.kernels.plans import D, Plan, Planned

REQUIRED = "triton"


@functools.cache
def missing() -> str | None:
    """Return why Triton kernels cannot run here, None where they can."""
    try:
        importlib.import_module(REQUIRED)
    except ImportError:
        return "triton is not installed"
    if interpreted() or torch.cuda.is_available():
        return None
    return "there is no CUDA device"


def interpreted() -> bool:
    """Return whether Triton interprets its kernels, on any device: slow, for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def fits(target: Tensor) -> bool:
    """Return whether a Triton kernel can scan towards `target` where it is."""
    return target.dtype in TARGETS and (target.is_cuda or interpreted()) and missing() is None


def source(name: str) -> Any:
    """Return the module of Triton code called `name`."""
    return importlib.import_module(f"onnx2snn_runtime.kernels.gpu.{name}")


class Launched(Planned[D]):
    """A kernel of Triton; targets may be in half precision, and estimates too."""

    narrows: ClassVar[bool] = True

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return missing()

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        return self.follows(dynamics) and fits(target)

    def run(self, plan: Plan, target: Tensor, steps: int, clamp: Clamp | None, narrow: torch.dtype | None) -> Scanned:
        """Launch the function `source` of the module `source`; what a state lacks of `carries` is None there."""
        chunk = lay_out(plan, target, steps, clamp, narrow)
        carried = dict.fromkeys(self.carries) | dict(zip(self.carries, chunk.carried, strict=False))
        reals = {f"{name}_bits": pattern(value, chunk.v.dtype) for name, value in plan.reals.items()}
        if chunk.v.numel():
            function = getattr(source(self.source), self.source)
            with torch.cuda.device_of(chunk.v):
                function[chunk.grid](**chunk.arguments, **carried, **reals, **plan.flags)
        return Scanned(chunk.out, chunk.counts.sum(0), plan.after(chunk.last, chunk.carried))
