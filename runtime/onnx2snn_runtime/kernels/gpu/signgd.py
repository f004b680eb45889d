"""One step of sign gradient descent: see onnx2snn_runtime/dynamics/signgd.py."""

import triton
import triton.language as tl


@triton.jit
def step(f, unit, eta, state, reals, flags, COMPLETE: tl.constexpr):
    """Move by eta times the scale; the flag is for v > f(x) in place of v >= f(x)."""
    v = state[0]
    above = tl.where(flags[0] != 0, v > f, v >= f)
    move = eta * unit
    spike = tl.where(above, -move, move)
    return (v + spike,), spike
