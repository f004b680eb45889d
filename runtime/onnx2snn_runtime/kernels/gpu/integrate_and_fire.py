"""One step of the integrate-and-fire neuron, leaky or not: see onnx2snn_runtime/dynamics/integrate_and_fire.py."""

import triton
import triton.language as tl

from onnx2snn_runtime.kernels.gpu.scan import divide


@triton.jit
def step(x, theta, share, state, reals, flags, COMPLETE: tl.constexpr):
    """Integrate, fire and average: the sum of the spikes times `share` is their average; the flag is for hard reset."""
    keep, tie = reals[0], reals[1]
    membrane, before, total = state[1], state[2], state[3]
    charge = divide(x, share)
    u = keep * membrane + (charge - keep * before)
    fires = u >= theta * tie
    spike = tl.where(fires, theta, 0.0)
    u = tl.where(fires & (flags[0] != 0), 0.0, u - spike)
    total = keep * total + spike
    return (total * share, u, charge, total), spike
