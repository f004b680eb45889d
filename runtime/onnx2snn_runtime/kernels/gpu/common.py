"""What the scans share: one program takes BLOCK neurons through all time steps, their state in registers.

Every kernel has these parameters, before its own:

target    targets [rows, size], `stride` apart; the last row stands for all later steps; STILL where there is one alone
v, last   the estimate before and after the chunk [size]
out       the estimates [steps, size], in a type of their own
counts    spikes that are not zero [programs, steps]
scale     `period` numbers, of which neuron i has number i // inner % period; SCALAR where there is one
table     a number for each step
low, high what targets are clipped to, where CLAMP; real parameters come as the bit patterns of numbers in the type of v
LARGE     whether places need 64 bits

Fused multiply-adds must be off.
"""

import triton
import triton.language as tl


@triton.jit
def places(LARGE: tl.constexpr, BLOCK: tl.constexpr):
    """Return the places of this program's neurons."""
    block = tl.program_id(0)
    return (block.to(tl.int64) if LARGE else block) * BLOCK + tl.arange(0, BLOCK)


@triton.jit
def number(bits, like):
    """Return the number of the type of `like` that has the pattern `bits`."""
    pattern = tl.int64 if like.dtype == tl.float64 else tl.int32
    return bits.to(pattern).to(like.dtype, bitcast=True)


@triton.jit
def units(scale, at, inside, inner, period, SCALAR: tl.constexpr):
    """Return the scales of the neurons at the places `at`."""
    return tl.load(scale) if SCALAR else tl.load(scale + at // inner % period, mask=inside, other=1.0)


@triton.jit
def clipped(f, low, high, CLAMP: tl.constexpr):
    """Return clip(f, low, high) where CLAMP, else f; NaN stays."""
    if CLAMP:
        f = tl.where(f < low, low, f)
        f = tl.where(f > high, high, f)
    return f


@triton.jit
def divided(a, b):
    """Return a / b, rounded to nearest."""
    return a / b if a.dtype == tl.float64 else tl.div_rn(a, b)


@triton.jit
def following(target, ahead, t, rows, stride, at, inside, STILL: tl.constexpr):
    """Return the target of step t + 1, asked for while step t is computed; the last one comes from the cache."""
    if not STILL:
        ahead = tl.load(target + tl.minimum(t + 1, rows - 1) * stride + at, mask=inside, other=0.0)
    return ahead


@triton.jit
def put(out, counts, t, steps, size, at, inside, state, spike):
    """Write the estimates after step t, and how many neurons fired."""
    tl.store(out + t * size + at, state.to(out.dtype.element_ty), mask=inside)
    fired = inside & (spike != 0.0)
    tl.store(counts + tl.program_id(0) * steps + t, tl.sum(fired.to(tl.int32), 0))
