"""The scan of sign gradient descent over a chunk of time: see onnx2snn_runtime/dynamics/signgd.py.

One program takes BLOCK neurons through all time steps with the estimate in registers. Fused multiply-adds must be off.
"""

import triton
import triton.language as tl


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
    """Scan as `differential` does; a step moves by table[t] times the neuron's number of `scale`.

    STRICT compares v > f(x) in place of v >= f(x).
    """
    block = tl.program_id(0)
    at = (block.to(tl.int64) if LARGE else block) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    state = tl.load(v + at, mask=inside, other=0.0)
    wide = state.dtype
    pattern = tl.int64 if wide == tl.float64 else tl.int32
    low = low_bits.to(pattern).to(wide, bitcast=True)
    high = high_bits.to(pattern).to(wide, bitcast=True)
    unit = tl.load(scale) if SCALAR else tl.load(scale + at // inner % period, mask=inside, other=1.0)
    ahead = tl.load(target + at, mask=inside, other=0.0)
    for t in range(steps):
        f = ahead.to(wide)
        if not STILL:  # the next target is on its way while this step is computed; the last one comes from the cache
            ahead = tl.load(target + tl.minimum(t + 1, rows - 1) * stride + at, mask=inside, other=0.0)
        if CLAMP:
            f = tl.where(f < low, low, f)
            f = tl.where(f > high, high, f)
        above = state > f if STRICT else state >= f
        move = tl.load(table + t) * unit
        spike = tl.where(above, -move, move)
        state = state + spike
        tl.store(out + t * size + at, state.to(out.dtype.element_ty), mask=inside)
        fired = inside & (spike != 0.0)
        tl.store(counts + block * steps + t, tl.sum(fired.to(tl.int32), 0))
    tl.store(last + at, state, mask=inside)
