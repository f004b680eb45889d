"""One step of the subgradient method: see onnx2snn_runtime/dynamics/subgradient.py."""

import triton
import triton.language as tl


@triton.jit
def step(x, unit, eta, state, reals, flags, COMPLETE: tl.constexpr):
    """Move by eta, with momentum if it is part of the state; the flag is for Nesterov's."""
    v, keep = state[0], reals[0]
    ahead = v
    if COMPLETE:
        ahead = tl.where(flags[0] != 0, v - keep * state[1], v)
    spike = tl.where(x > ahead, unit, 0.0)
    move = eta * (v - spike)
    if COMPLETE:
        move = keep * state[1] + move
    return ((v - move, move) if COMPLETE else (v - move,)), spike
