"""Lays a chunk out in memory for Triton kernels: each step dense, with axes in the order of the target's strides."""

import functools
import math
import struct
from typing import Any, NamedTuple

import numpy as np
import torch

from onnx2snn_runtime.dynamics.base import Tensor
from onnx2snn_runtime.kernels.base import Clamp
from onnx2snn_runtime.kernels.memory import check_chunk, is_dense
from onnx2snn_runtime.kernels.plans import Plan
from onnx2snn_runtime.ops.held import on_device

BLOCK = 1024
"""Neurons per program."""

TARGETS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""The types that kernels read targets in."""


class Chunk(NamedTuple):
    """The tensors and numbers that a kernel is launched with; all states and estimates have the target's axis order."""

    target: Tensor
    v: Tensor
    out: Tensor
    last: Tensor
    counts: Tensor
    scale: Tensor
    inner: int
    period: int
    clamp: Clamp | None
    table: Tensor
    states: tuple[Tensor, ...]

    @property
    def grid(self) -> tuple[int]:
        """The number of programs."""
        return (len(self.counts),)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that do not depend on the dynamics.

        Fused multiply-adds are off: they would round once where the dynamics rounds twice.
        """
        size, constant = self.v.numel(), len(self.target) == 1
        low, high = self.clamp or (-math.inf, math.inf)
        return {
            "target": self.target, "v": self.v, "out": self.out, "last": self.last, "counts": self.counts,
            "scale": self.scale, "size": size, "stride": 0 if constant else self.target.stride(0),
            "rows": len(self.target), "steps": len(self.out), "inner": self.inner, "period": self.period,
            "low_bits": pattern(low, self.v.dtype), "high_bits": pattern(high, self.v.dtype),
            "SCALAR": self.period == 1, "CONSTANT": constant, "CLAMP": self.clamp is not None, "table": self.table,
            "LARGE": size + BLOCK >= 2**31, "BLOCK": BLOCK, "num_warps": 4, "enable_fp_fusion": False,
        }  # fmt: skip


def lay_out(plan: Plan, target: Tensor, steps: int, clamp: Clamp | None, narrow: torch.dtype | None) -> Chunk:
    """Return the chunk of `steps` steps towards `target` [1 to steps, ...], estimates in `narrow` or the type of v.

    A target whose steps are dense in memory in any order of axes (channels last) is read where it lies. `states` are
    copies, which the kernel writes into.
    """
    check_chunk(plan, target, steps, TARGETS)
    if not is_dense(target[0]):
        target = target.contiguous()
    v = plan.state.v
    strides, size = target.stride()[1:], v.numel()

    def copied(value: Tensor) -> Tensor:
        return torch.empty_strided(v.shape, strides, dtype=v.dtype, device=v.device).copy_(value)

    state = v if _alike(v, strides) else copied(v)
    states = tuple(copied(value) for value in plan.states)
    out = torch.empty_strided((steps, *v.shape), (size, *strides), dtype=narrow or v.dtype, device=v.device)
    counts = torch.empty((-(-size // BLOCK), steps), dtype=torch.int32, device=v.device)
    scale, inner, period = _scales(plan.scale, state)
    table = on_device(plan.table, v.dtype, v.device)
    return Chunk(target, state, out, torch.empty_like(state), counts, scale, inner, period, clamp, table, states)


def _alike(v: Tensor, strides: tuple[int, ...]) -> bool:
    return all(n == 1 or own == given for n, own, given in zip(v.shape, v.stride(), strides, strict=True))


def _scales(scale: Tensor | float, v: Tensor) -> tuple[Tensor, int, int]:
    """Return the scales, and (inner, period): the element at offset i of `v` has number i // inner % period."""
    if not isinstance(scale, Tensor):
        return _number(scale, v.dtype, v.device), 1, 1
    scale = scale.to(v.dtype)
    if scale.numel() == 1:
        return scale.reshape(1), 1, 1
    own = tuple(scale.shape)[max(0, scale.ndim - v.ndim + 1) :]  # axes of 1 before those of a neuron mean nothing
    aligned = scale.reshape((1,) * (v.ndim - len(own)) + own)
    axes = [axis for axis, size in enumerate(aligned.shape) if size != 1]
    if len(axes) == 1:
        return scale.reshape(-1), v.stride(axes[0]), scale.numel()
    return torch.empty_like(v).copy_(aligned.expand(v.shape)), 1, v.numel()


@functools.lru_cache(maxsize=4096)
def _number(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return `value` on `device`, put there once, without waiting."""
    return torch.full((1,), value, dtype=dtype, device=device)


def pattern(value: float, dtype: torch.dtype) -> int:
    """Return the bits of `value` as a number of type `dtype`, a signed integer."""
    if dtype == torch.float64:
        return int(struct.unpack("<q", struct.pack("<d", value))[0])
    with np.errstate(over="ignore"):  # what is too large is infinite
        return int(np.float32(value).view(np.int32))
