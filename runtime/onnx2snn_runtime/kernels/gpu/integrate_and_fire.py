"""The scan of integrate-and-fire neurons, leaky or not: see onnx2snn_runtime/dynamics/integrate_and_fire.py."""

import triton
import triton.language as tl

from onnx2snn_runtime.kernels.gpu.common import clipped, divided, following, number, places, put, units


@triton.jit
def integrate_and_fire(
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
    membrane,
    charge,
    total,
    keep_bits: tl.int64,
    tie_bits: tl.int64,
    HARD: tl.constexpr,
    SCALAR: tl.constexpr,
    STILL: tl.constexpr,
    CLAMP: tl.constexpr,
    LARGE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Scan; a sum of currents times table[t] is their average. `membrane`, `charge`, `total` [size] move in place."""
    at = places(LARGE, BLOCK)
    inside = at < size
    state = tl.load(v + at, mask=inside, other=0.0)
    low, high = number(low_bits, state), number(high_bits, state)
    unit = units(scale, at, inside, inner, period, SCALAR)
    keep, bar = number(keep_bits, state), unit * number(tie_bits, state)
    u = tl.load(membrane + at, mask=inside, other=0.0)
    before = tl.load(charge + at, mask=inside, other=0.0)
    summed = tl.load(total + at, mask=inside, other=0.0)
    ahead = tl.load(target + at, mask=inside, other=0.0)
    for t in range(steps):
        f = clipped(ahead.to(state.dtype), low, high, CLAMP)
        ahead = following(target, ahead, t, rows, stride, at, inside, STILL)
        share = tl.load(table + t)
        now = divided(f, share)
        u = keep * u + (now - keep * before)
        before = now
        fires = u >= bar
        spike = tl.where(fires, unit, 0.0)
        u = tl.where(fires, 0.0, u) if HARD else u - spike
        summed = keep * summed + spike
        state = summed * share
        put(out, counts, t, steps, size, at, inside, state, spike)
    tl.store(last + at, state, mask=inside)
    tl.store(membrane + at, u, mask=inside)
    tl.store(charge + at, before, mask=inside)
    tl.store(total + at, summed, mask=inside)
