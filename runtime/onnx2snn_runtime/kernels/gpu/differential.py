"""The scan of graded corrections over a chunk of time: see onnx2snn_runtime/dynamics/differential.py.

One program takes BLOCK neurons through all time steps with the estimate in registers: the target is read once in the
type it comes in, the estimate written once in the type that the next synapse wants. Fused multiply-adds must be off.
"""

import triton
import triton.language as tl


@triton.jit
def differential(
    target,
    v,
    out,
    last,
    counts,
    scale,
    size: tl.int64,
    stride: tl.int64,
    rows: tl.int32,
    steps: tl.int32,
    inner: tl.int32,
    period: tl.int32,
    lo_bits: tl.int64,
    silent_bits: tl.int64,
    top_bits: tl.int64,
    low_bits: tl.int64,
    high_bits: tl.int64,
    shift: tl.int32,
    half: tl.int32,
    odd: tl.int32,
    SCALAR: tl.constexpr,
    STILL: tl.constexpr,
    CLAMP: tl.constexpr,
    LARGE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Scan `steps` steps towards `rows` targets [size] that lie `stride` apart, the last of which stands for the rest.

    `counts` is [programs, steps].

    `scale` holds `period` numbers, of which neuron i has number i // inner % period. `shift`, `half` and `odd` round
    the mantissa by its bit pattern; real parameters come as bit patterns in the type of the state.
    """
    block = tl.program_id(0)
    at = (block.to(tl.int64) if LARGE else block) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    state = tl.load(v + at, mask=inside, other=0.0)
    wide = state.dtype
    pattern = tl.int64 if wide == tl.float64 else tl.int32
    lo = lo_bits.to(pattern).to(wide, bitcast=True)
    silent = silent_bits.to(pattern).to(wide, bitcast=True)
    top = top_bits.to(pattern).to(wide, bitcast=True)
    low = low_bits.to(pattern).to(wide, bitcast=True)
    high = high_bits.to(pattern).to(wide, bitcast=True)
    shift = shift.to(pattern)
    bias = half.to(pattern) * (tl.full((), 1, pattern) << tl.maximum(shift - 1, 0)) - odd
    unit = tl.load(scale) if SCALAR else tl.load(scale + at // inner % period, mask=inside, other=1.0)
    ahead = tl.load(target + at, mask=inside, other=0.0)
    for t in range(steps):
        f = ahead.to(wide)
        if not STILL:  # the next target is on its way while this step is computed; the last one comes from the cache
            ahead = tl.load(target + tl.minimum(t + 1, rows - 1) * stride + at, mask=inside, other=0.0)
        if CLAMP:
            f = tl.where(f < low, low, f)
            f = tl.where(f > high, high, f)
        f = tl.where(f != f, 0.0, f)
        f = tl.where(f == float("inf"), unit, f)
        f = tl.where(f == float("-inf"), -unit, f)
        e = f - state
        a = tl.abs(e) / unit if wide == tl.float64 else tl.div_rn(tl.abs(e), unit)
        bits = a.to(pattern, bitcast=True)
        bits = ((bits + bias + ((bits >> shift) & odd)) >> shift) << shift
        q = bits.to(wide, bitcast=True)
        q = tl.where(q < lo, lo, q)
        q = tl.where(q > top, top, q)
        spike = q * unit
        spike = tl.where(e < 0, -spike, spike)
        spike = tl.where(a <= silent, 0.0, spike)
        state = state + spike
        tl.store(out + t * size + at, state.to(out.dtype.element_ty), mask=inside)
        fired = inside & (spike != 0.0)
        tl.store(counts + block * steps + t, tl.sum(fired.to(tl.int32), 0))
    tl.store(last + at, state, mask=inside)
