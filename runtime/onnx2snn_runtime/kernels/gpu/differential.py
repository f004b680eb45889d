"""The scan of graded corrections over a chunk of time: see onnx2snn_runtime/dynamics/differential.py.

The target is read once in the type it comes in, the estimate written once in the type that the next synapse wants.
"""

import triton
import triton.language as tl

from onnx2snn_runtime.kernels.gpu.common import clipped, divided, following, number, places, put, units


@triton.jit
def differential(
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
    top_bits: tl.int64,
    shift: tl.int32,
    half: tl.int32,
    odd: tl.int32,
    SCALAR: tl.constexpr,
    STILL: tl.constexpr,
    CLAMP: tl.constexpr,
    LARGE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Scan with the least spike table[t] times the scale; `shift`, `half` and `odd` round by the bit pattern."""
    at = places(LARGE, BLOCK)
    inside = at < size
    state = tl.load(v + at, mask=inside, other=0.0)
    low, high = number(low_bits, state), number(high_bits, state)
    unit = units(scale, at, inside, inner, period, SCALAR)
    top = number(top_bits, state)
    pattern = tl.int64 if state.dtype == tl.float64 else tl.int32
    shift = shift.to(pattern)
    bias = half.to(pattern) * (tl.full((), 1, pattern) << tl.maximum(shift - 1, 0)) - odd
    ahead = tl.load(target + at, mask=inside, other=0.0)
    for t in range(steps):
        f = clipped(ahead.to(state.dtype), low, high, CLAMP)
        ahead = following(target, ahead, t, rows, stride, at, inside, STILL)
        f = tl.where(f != f, 0.0, f)
        f = tl.where(f == float("inf"), unit, f)
        f = tl.where(f == float("-inf"), -unit, f)
        e = f - state
        a = divided(tl.abs(e), unit)
        bits = a.to(pattern, bitcast=True)
        bits = ((bits + bias + ((bits >> shift) & odd)) >> shift) << shift
        q = bits.to(state.dtype, bitcast=True)
        lo = tl.load(table + t)
        q = tl.where(q < lo, lo, q)
        q = tl.where(q > top, top, q)
        spike = q * unit
        spike = tl.where(e < 0, -spike, spike)
        spike = tl.where(a <= lo * 0.5, 0.0, spike)
        state = state + spike
        put(out, counts, t, steps, size, at, inside, state, spike)
    tl.store(last + at, state, mask=inside)
