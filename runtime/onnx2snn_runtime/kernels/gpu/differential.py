"""One step of graded corrections: see onnx2snn_runtime/dynamics/differential.py."""

import triton
import triton.language as tl

from onnx2snn_runtime.kernels.gpu.scan import divide


@triton.jit
def step(f, unit, least, state, reals, flags, COMPLETE: tl.constexpr):
    """Send the error, quantised; the flags (shift, half, odd) say how a mantissa is rounded by its bit pattern."""
    v, top, zone, reach, grid = state[0], reals[0], reals[1], reals[2], least * reals[3]
    pattern = tl.int64 if v.dtype == tl.float64 else tl.int32
    shift, odd = flags[0].to(pattern), flags[2].to(pattern)
    bias = flags[1].to(pattern) * (tl.full((), 1, pattern) << tl.maximum(shift - 1, 0)) - odd
    f = tl.where(f == float("inf"), unit, f)
    f = tl.where(f == float("-inf"), -unit, f)
    error = f - v
    e = tl.where(error != error, 0.0, error)
    a = divide(tl.abs(e), unit)
    bits = a.to(pattern, bitcast=True)
    bits = ((bits + bias + ((bits >> shift) & odd)) >> shift) << shift
    q = bits.to(v.dtype, bitcast=True)
    q = tl.where(a < least * reach, (a + grid) - grid, q)
    q = tl.where(q < least, least, q)
    q = tl.where(q > top, top, q)
    spike = q * unit
    spike = tl.where(e < 0, -spike, spike)
    spike = tl.where((a <= least * 0.5) | (a < zone), 0.0, spike)
    spike = tl.where((f != f) & (v == v), f, spike)  # NaN is sent once
    return (v + spike,), spike
