"""Launches the Triton kernels in `gpu`, and tells whether they can run on this machine."""

import functools
import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from onnx2snn_runtime.dynamics.base import Dynamics, Tensor
from onnx2snn_runtime.kernels.base import Ask, Scanned
from onnx2snn_runtime.kernels.layout import TARGETS, Chunk, lay_out, pattern
from onnx2snn_runtime.kernels.plans import D, DynamicsKernel, Plan

REQUIRED = "triton"

STATES, REALS, FLAGS = 3, 4, 3
"""How many states besides v, real and integer parameters `gpu/scan.py` takes."""


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
            launch(self.source, chunk, _slots(plan, chunk))
        return Scanned(chunk.out, chunk.counts.sum(0), plan.after(chunk.last, chunk.states))


def launch(name: str, chunk: Chunk, slots: Mapping[str, Any]) -> None:
    """Launch the kernel with the function `step` of the Triton module `name`, on the device of the chunk."""
    with torch.cuda.device_of(chunk.v):
        source("scan").scan[chunk.grid](**chunk.arguments, **slots, STEP=source(name).step)


def _slots(plan: Plan, chunk: Chunk) -> dict[str, Any]:
    """Return the states and the parameters of the dynamics as arguments of the kernel, in the order of the plan."""
    reals = [pattern(value, chunk.v.dtype) for value in plan.reals.values()]
    return {
        **{f"state{i}": value for i, value in enumerate(_filled(chunk.states, STATES, None))},
        **{f"real{i}_bits": value for i, value in enumerate(_filled(reals, REALS, 0))},
        **{f"flag{i}": value for i, value in enumerate(_filled(list(plan.flags.values()), FLAGS, 0))},
    }


def _filled(values: Sequence[Any], count: int, other: Any) -> list[Any]:
    if len(values) > count:
        raise TypeError(f"{len(values)} parameters of a dynamics where the kernel takes {count}")
    return [*values, *[other] * (count - len(values))]
