"""What Triton kernels share: whether they can run here, and how a chunk lies in memory."""

import functools
import importlib
import math
import os
import struct
from typing import Any, NamedTuple

import torch

from onnx2snn_runtime.dynamics.base import Neuron, Tensor
from onnx2snn_runtime.kernels.base import Clamp, Scanned

REQUIRED = "triton"
BLOCK = 1024
"""Neurons a program."""

TARGETS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


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


def launch(name: str, chunk: "Chunk", **own: Any) -> Scanned:
    """Run the kernel `name` on `chunk` with parameters of its `own`."""
    if chunk.v.numel():
        with torch.cuda.device_of(chunk.v):
            getattr(source(name), name)[chunk.grid](**chunk.arguments, **own)
    return Scanned(chunk.out, chunk.counts.sum(0), chunk.last)


class Chunk(NamedTuple):
    """A chunk as the kernels want it: every step dense, in one order of axes, estimates in the order of targets."""

    target: Tensor
    v: Tensor
    out: Tensor
    last: Tensor
    counts: Tensor
    scale: Tensor
    inner: int
    period: int
    clamp: Clamp | None

    @property
    def grid(self) -> tuple[int]:
        """The programs."""
        return (len(self.counts),)

    @property
    def arguments(self) -> dict[str, Any]:
        """What every kernel takes; fused multiply-adds would round once where the dynamics rounds twice."""
        size, still = self.v.numel(), len(self.target) == 1
        low, high = self.clamp or (-math.inf, math.inf)
        return {
            "target": self.target, "v": self.v, "out": self.out, "last": self.last, "counts": self.counts,
            "scale": self.scale, "size": size, "stride": 0 if still else self.target.stride(0),
            "rows": len(self.target), "steps": len(self.out), "inner": self.inner, "period": self.period,
            "low_bits": pattern(low, self.v.dtype), "high_bits": pattern(high, self.v.dtype),
            "SCALAR": self.period == 1, "STILL": still, "CLAMP": self.clamp is not None,
            "LARGE": size + BLOCK >= 2**31, "BLOCK": BLOCK, "num_warps": 4, "enable_fp_fusion": False,
        }  # fmt: skip


def lay_out(
    target: Tensor, v: Tensor, steps: int, neuron: Neuron, clamp: Clamp | None, narrow: torch.dtype | None
) -> Chunk:
    """Return the chunk of `steps` steps from `v` towards `target` [1 to steps, ...], estimates in `narrow` or v's type.

    A target whose steps are dense in memory in any order of axes (channels last) is read where it lies.
    """
    if not _dense(target[0]):
        target = target.contiguous()
    strides, size = target.stride()[1:], v.numel()
    state = v
    if not _alike(v, strides):
        state = torch.empty_strided(v.shape, strides, dtype=v.dtype, device=v.device).copy_(v)
    out = torch.empty_strided((steps, *v.shape), (size, *strides), dtype=narrow or v.dtype, device=v.device)
    counts = torch.empty((-(-size // BLOCK), steps), dtype=torch.int32, device=v.device)
    scale, inner, period = _scales(neuron.scale, state)
    return Chunk(target, state, out, torch.empty_like(state), counts, scale, inner, period, clamp)


def _dense(step: Tensor) -> bool:
    """Return whether the elements of `step` fill their memory without gaps or overlaps, in some order of axes."""
    expected = 1
    for stride, size in sorted((s, n) for s, n in zip(step.stride(), step.shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True


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
    rounded = torch.tensor(value, dtype=torch.float64).to(torch.float32)
    return int(rounded.view(torch.int32))
