"""The scan of sign gradient descent over a chunk of time: see onnx2snn_runtime/dynamics/signgd.py."""

import triton
import triton.language as tl

from onnx2snn_runtime.kernels.gpu.common import clipped, following, number, places, put, units


@triton.jit
def signgd(
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
    STRICT: tl.constexpr,
    SCALAR: tl.constexpr,
    STILL: tl.constexpr,
    CLAMP: tl.constexpr,
    LARGE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Scan in steps of table[t] times the scale; STRICT compares v > f(x) in place of v >= f(x)."""
    at = places(LARGE, BLOCK)
    inside = at < size
    state = tl.load(v + at, mask=inside, other=0.0)
    low, high = number(low_bits, state), number(high_bits, state)
    unit = units(scale, at, inside, inner, period, SCALAR)
    ahead = tl.load(target + at, mask=inside, other=0.0)
    for t in range(steps):
        f = clipped(ahead.to(state.dtype), low, high, CLAMP)
        ahead = following(target, ahead, t, rows, stride, at, inside, STILL)
        above = state > f if STRICT else state >= f
        move = tl.load(table + t) * unit
        spike = tl.where(above, -move, move)
        state = state + spike
        put(out, counts, t, steps, size, at, inside, state, spike)
    tl.store(last + at, state, mask=inside)
