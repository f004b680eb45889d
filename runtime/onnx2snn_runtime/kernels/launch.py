"""Launches the Triton kernels in `gpu`, and tells whether they can run on this machine."""

import functools
import importlib
import os
from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Tensor
from onnx2snn_runtime.kernels.base import Ask, Scanned
from onnx2snn_runtime.kernels.layout import TARGETS, Chunk, lay_out, pattern
from onnx2snn_runtime.kernels.plans import D, DynamicsKernel, Plan

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
    """Return whether Triton's interpreter is on, which runs kernels on any device: slow, for tests."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def fits(target: Tensor) -> bool:
    """Return whether a Triton kernel can scan towards `target` on its device."""
    return target.dtype in TARGETS and (target.is_cuda or interpreted()) and missing() is None


def source(name: str) -> Any:
    """Return the Triton module called `name`."""
    return importlib.import_module(f"onnx2snn_runtime.kernels.gpu.{name}")


class TritonKernel(DynamicsKernel[D]):
    """A kernel in Triton; targets and estimates may be in half precision."""

    narrows: ClassVar[bool] = True

    def missing(self) -> str | None:
        """Return why this kernel cannot run on this machine, None where it can."""
        return missing()

    def fits(self, dynamics: Dynamics, target: Tensor) -> bool:
        """Return whether this kernel can scan towards `target` [T, ...] here."""
        return self.supports(dynamics) and fits(target)

    def run(self, plan: Plan, target: Tensor, steps: int, ask: Ask) -> Scanned:
        """Launch the kernel with the function `step` of the module `source`; states that do not exist are None."""
        chunk = lay_out(plan, target, steps, ask.clamp, ask.narrow)
        if chunk.v.numel():
            with torch.cuda.device_of(chunk.v):
                kernel = source("scan").scan[chunk.grid]
                kernel(**chunk.arguments, **_slots(plan, chunk), STEP=source(self.source).step)
        return Scanned(chunk.out, chunk.counts.sum(0), plan.after(chunk.last, chunk.states))


def _slots(plan: Plan, chunk: Chunk) -> dict[str, Any]:
    """Return the states and the parameters of the dynamics as arguments of the kernel, in the order of the plan."""
    reals = [pattern(value, chunk.v.dtype) for value in plan.reals.values()]
    return {
        **{f"state{i}": value for i, value in enumerate(_filled(chunk.states, 3, None))},
        **{f"real{i}_bits": value for i, value in enumerate(_filled(reals, 2, 0))},
        **{f"flag{i}": value for i, value in enumerate(_filled(list(plan.flags.values()), 3, 0))},
    }


def _filled(values: Sequence[Any], count: int, other: Any) -> list[Any]:
    return [*values, *[other] * (count - len(values))]
