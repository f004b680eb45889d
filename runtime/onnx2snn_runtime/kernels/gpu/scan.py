"""The kernel: the scan of a population over a chunk of time steps, for any dynamics.

Each program takes BLOCK neurons through all time steps, with their state in registers. A dynamics is a function

    step(f, unit, number, state, reals, flags, COMPLETE) -> (state, spike)

of the target f, the scale and this step's entry of the table. `state` is a tuple: the estimate, then the states that
were given; `reals` and `flags` are the parameters, in the order of the plan. COMPLETE: there are states besides the
estimate. The parameters of the kernel:

target          [rows, size], `stride` apart; the last row is the target of all later steps; CONSTANT: there is one row
v, last         the estimate before and after the chunk, [size]
out             the estimates, [steps, size], in a type of their own
counts          the number of spikes, [programs, steps]
scale           `period` numbers, of which neuron i has number i // inner % period; SCALAR: there is one
table           a number for each step
state0, ...     the state besides v, [size] each, updated in place; None for what a dynamics does not have
low, high       targets are clipped to [low, high], with CLAMP; numbers of the type of v are passed as bit patterns
LARGE           offsets need 64 bits

Fused multiply-adds must be off, so that results are those of the dynamics to the bit.
"""

import triton
import triton.language as tl


@triton.jit
def scan(
    target, v, out, last, counts, scale, table, state0, state1, state2,
    size: tl.int64, stride: tl.int64, rows: tl.int32, steps: tl.int32, inner: tl.int32, period: tl.int32,
    low_bits: tl.int64, high_bits: tl.int64,
    real0_bits: tl.int64, real1_bits: tl.int64, real2_bits: tl.int64, real3_bits: tl.int64,
    flag0: tl.int32, flag1: tl.int32, flag2: tl.int32,
    STEP: tl.constexpr, SCALAR: tl.constexpr, CONSTANT: tl.constexpr, CLAMP: tl.constexpr, LARGE: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Scan BLOCK neurons over `steps` time steps."""
    block = tl.program_id(0)
    offsets = (block.to(tl.int64) if LARGE else block) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < size
    state = load_state(v, state0, state1, state2, offsets, mask)
    like = state[0]
    COMPLETE: tl.constexpr = state0 is not None
    low, high = from_bits(low_bits, like), from_bits(high_bits, like)
    reals = (
        from_bits(real0_bits, like),
        from_bits(real1_bits, like),
        from_bits(real2_bits, like),
        from_bits(real3_bits, like),
    )
    unit = tl.load(scale) if SCALAR else tl.load(scale + offsets // inner % period, mask=mask, other=1.0)
    following = tl.load(target + offsets, mask=mask, other=0.0)
    for t in range(steps):
        f = clip(following.to(like.dtype), low, high, CLAMP)
        if not CONSTANT:  # the next row is loaded while this step is computed; the last one comes from the cache
            following = tl.load(target + tl.minimum(t + 1, rows - 1) * stride + offsets, mask=mask, other=0.0)
        state, spike = STEP(f, unit, tl.load(table + t), state, reals, (flag0, flag1, flag2), COMPLETE)
        tl.store(out + t * size + offsets, state[0].to(out.dtype.element_ty), mask=mask)
        fired = mask & (spike != 0.0)
        tl.store(counts + block * steps + t, tl.sum(fired.to(tl.int32), 0))
    store_state(state, last, state0, state1, state2, offsets, mask)


@triton.jit
def load_state(v, state0, state1, state2, offsets, mask):
    """Return the estimate, and the states that are given, as a tuple."""
    state = (tl.load(v + offsets, mask=mask, other=0.0),)
    if state0 is not None:
        state = state + (tl.load(state0 + offsets, mask=mask, other=0.0),)
    if state1 is not None:
        state = state + (tl.load(state1 + offsets, mask=mask, other=0.0),)
    if state2 is not None:
        state = state + (tl.load(state2 + offsets, mask=mask, other=0.0),)
    return state


@triton.jit
def store_state(state, last, state0, state1, state2, offsets, mask):
    """Write the estimate to `last`, and the states that are given to where they were read from."""
    tl.store(last + offsets, state[0], mask=mask)
    if state0 is not None:
        tl.store(state0 + offsets, state[1], mask=mask)
    if state1 is not None:
        tl.store(state1 + offsets, state[2], mask=mask)
    if state2 is not None:
        tl.store(state2 + offsets, state[3], mask=mask)


@triton.jit
def from_bits(bits, like):
    """Return the number of the type of `like` that has the bit pattern `bits`."""
    pattern = tl.int64 if like.dtype == tl.float64 else tl.int32
    return bits.to(pattern).to(like.dtype, bitcast=True)


@triton.jit
def clip(f, low, high, CLAMP: tl.constexpr):
    """Return clip(f, low, high) with CLAMP, else f; NaN stays."""
    if CLAMP:
        f = tl.where(f < low, low, f)
        f = tl.where(f > high, high, f)
    return f


@triton.jit
def divide(a, b):
    """Return a / b, rounded to nearest."""
    return a / b if a.dtype == tl.float64 else tl.div_rn(a, b)
