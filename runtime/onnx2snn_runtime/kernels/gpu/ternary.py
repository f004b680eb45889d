"""One step of ternary corrections: see onnx2snn_runtime/dynamics/ternary.py."""

import triton
import triton.language as tl


@triton.jit
def step(f, unit, eta, state, reals, flags, COMPLETE: tl.constexpr):
    """Move by eta times the scale where the error is more than half of that."""
    v, bound, zone = state[0], reals[0] * unit, reals[1] * unit
    f = tl.where(f == float("inf"), bound, f)
    f = tl.where(f == float("-inf"), -bound, f)
    error = f - v
    e = tl.where(error != error, 0.0, error)
    move = eta * unit
    spike = tl.where(e < 0, -move, move)
    spike = tl.where((tl.abs(e) <= move * 0.5) | (tl.abs(e) < zone), 0.0, spike)
    spike = tl.where((f != f) & (v == v), f, spike)  # NaN is sent once
    return (v + spike,), spike
