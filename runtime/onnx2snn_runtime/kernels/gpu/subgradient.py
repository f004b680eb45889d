"""The scan of the subgradient method over a chunk of time: see onnx2snn_runtime/dynamics/subgradient.py."""

import triton
import triton.language as tl

from onnx2snn_runtime.kernels.gpu.common import clipped, following, number, places, put, units


@triton.jit
def subgradient(
    target,
    v,
    out,
    last,
    counts,
    scale,
    table,
    size: tl.int64,
    stride: tl.int64,
    rows: tl.int32,
    steps: tl.int32,
    inner: tl.int32,
    period: tl.int32,
    low_bits: tl.int64,
    high_bits: tl.int64,
    momentum,
    keep_bits: tl.int64,
    NESTEROV: tl.constexpr,
    SCALAR: tl.constexpr,
    STILL: tl.constexpr,
    CLAMP: tl.constexpr,
    LARGE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Scan in steps of size table[t]; `momentum` [size] is moved in place, None where there is none."""
    at = places(LARGE, BLOCK)
    inside = at < size
    state = tl.load(v + at, mask=inside, other=0.0)
    low, high = number(low_bits, state), number(high_bits, state)
    unit = units(scale, at, inside, inner, period, SCALAR)
    keep = number(keep_bits, state)
    if momentum is not None:
        moved = tl.load(momentum + at, mask=inside, other=0.0)
    ahead = tl.load(target + at, mask=inside, other=0.0)
    for t in range(steps):
        f = clipped(ahead.to(state.dtype), low, high, CLAMP)
        ahead = following(target, ahead, t, rows, stride, at, inside, STILL)
        seen = state
        if NESTEROV:
            seen = state - keep * moved
        spike = tl.where(f > seen, unit, 0.0)
        move = tl.load(table + t) * (state - spike)
        if momentum is not None:
            moved = keep * moved + move
            move = moved
        state = state - move
        put(out, counts, t, steps, size, at, inside, state, spike)
    tl.store(last + at, state, mask=inside)
    if momentum is not None:
        tl.store(momentum + at, moved, mask=inside)
