"""The known functions by name; a region is compared with them numerically to find its name.

Three tables. SCALAR: functions of one number. PAIRED: of two numbers, in either order. ALONG: of one tensor, along some
of its axes. A constant factor makes no difference, as exporters move it about; for normalizations
neither does a constant gain or shift of every element along the axes.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

Array = np.ndarray
Evaluate = Callable[[Sequence[Array]], Array]

TOLERANCE = 2e-3
LARGEST = 1 << 22
"""No region is evaluated on more numbers."""
FEWEST_ROWS = 8
"""A gain and a shift of every element are fitted on no fewer samples of it."""


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x)."""
    return 0.5 * (1 + np.tanh(x / 2))


def erf(x: Array) -> Array:
    """The error function."""
    return np.vectorize(math.erf, otypes=[float])(x)


def softplus(x: Array) -> Array:
    """log(1 + e^x)."""
    return np.logaddexp(0, x)


def hard_sigmoid(x: Array) -> Array:
    """The line (x + 3) / 6 within [0, 1]."""
    return np.clip(x / 6 + 0.5, 0, 1)


SCALAR: dict[str, Callable[[Array], Array]] = {
    "Relu": lambda x: np.maximum(x, 0),
    "Relu6": lambda x: np.clip(x, 0, 6),
    "Gelu": lambda x: x * (1 + erf(x / math.sqrt(2))),
    "QuickGelu": lambda x: x * sigmoid(1.702 * x),
    "Silu": lambda x: x * sigmoid(x),
    "Mish": lambda x: x * np.tanh(softplus(x)),
    "Hardswish": lambda x: x * hard_sigmoid(x),
    "HardSigmoid": hard_sigmoid,
    "Sigmoid": sigmoid,
    "Tanh": np.tanh,
    "Softplus": softplus,
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "Selu": lambda x: np.where(x > 0, x, 1.6732632 * np.expm1(np.minimum(x, 0))),
    "LeakyRelu": lambda x: np.where(x > 0, x, 0.01 * x),
    "SquaredRelu": lambda x: np.maximum(x, 0) ** 2,
    "Square": np.square,
    "Abs": np.abs,
}

PAIRED: dict[str, Callable[[Array, Array], Array]] = {
    "SwiGLU": lambda a, b: a * sigmoid(a) * b,
    "GeGLU": lambda a, b: a * (1 + erf(a / math.sqrt(2))) * b,
    "ReGLU": lambda a, b: np.maximum(a, 0) * b,
    "GLU": lambda a, b: sigmoid(a) * b,
    "HardGate": lambda a, b: hard_sigmoid(a) * b,
    "TanhGate": lambda a, b: np.tanh(a) * b,
    "TanhSigmoidGate": lambda a, b: np.tanh(a) * sigmoid(b),
}


def _softmax(x: Array, axes: tuple[int, ...]) -> Array:
    powers = np.exp(x - x.max(axes, keepdims=True))
    return powers / powers.sum(axes, keepdims=True)


def _centred(x: Array, axes: tuple[int, ...]) -> Array:
    return x - x.mean(axes, keepdims=True)


def _rms(x: Array, axes: tuple[int, ...]) -> Array:
    return x / np.sqrt(np.square(x).mean(axes, keepdims=True))


ALONG: dict[str, Callable[[Array, tuple[int, ...]], Array]] = {
    "Softmax": _softmax,
    "LogSoftmax": lambda x, axes: np.log(_softmax(x, axes)),
    "LayerNormalization": lambda x, axes: _rms(_centred(x, axes), axes),
    "L2Normalization": lambda x, axes: x / np.sqrt(np.square(x).sum(axes, keepdims=True)),
    "RMSNormalization": _rms,
    "L1Normalization": lambda x, axes: x / np.abs(x).sum(axes, keepdims=True),
    "LogSumExp": lambda x, axes: np.log(np.exp(x).sum(axes, keepdims=True)),
}

_EXACT = ("L2Normalization",)  # it is a multiple of the next
_NORMS = ("LayerNormalization", "RMSNormalization")


def recognise(evaluate: Evaluate, shapes: Sequence[Sequence[int]]) -> str | None:
    """Return the name of the function that `evaluate` computes on tensors of `shapes`, None for one that has none."""
    if not 1 <= len(shapes) <= 2 or any(math.prod(shape) > LARGEST or not math.prod(shape) for shape in shapes):
        return None
    draw = np.random.default_rng(20240701)
    inputs = [(2 * draw.standard_normal(shape)).astype(np.float32) for shape in shapes]
    result = evaluate(inputs).astype(np.float64)
    wide = [value.astype(np.float64) for value in inputs]
    if len(wide) == 2:
        return _paired(wide[0], wide[1], result)
    return _scalar(wide[0], result) or _along(wide[0], result)


def _scalar(x: Array, result: Array) -> str | None:
    if result.shape != x.shape:
        return None
    some = slice(0, 4096)
    flat, values = x.reshape(-1)[some], result.reshape(-1)[some]
    return next((name for name, known in SCALAR.items() if _is_multiple(known(flat), values)), None)


def _paired(a: Array, b: Array, result: Array) -> str | None:
    if not all(_broadcasts(x.shape, result.shape) for x in (a, b)):
        return None
    some = slice(0, 4096)
    first, second = (np.broadcast_to(x, result.shape).reshape(-1)[some] for x in (a, b))
    values = result.reshape(-1)[some]
    for name, known in PAIRED.items():
        if _is_multiple(known(first, second), values) or _is_multiple(known(second, first), values):
            return name
    return None


def _broadcasts(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    pairs = zip(shape[::-1], wanted[::-1], strict=False)
    return len(shape) <= len(wanted) and all(size in (1, target) for size, target in pairs)


def _along(x: Array, result: Array) -> str | None:
    for axes in _axes(x.ndim):
        if math.prod(x.shape[axis] for axis in axes) < 2:
            continue  # one value has no variance
        for name, known in ALONG.items():
            expected = known(x, axes)
            if result.size == expected.size and result.shape != expected.shape:
                expected = expected.reshape(result.shape)
            if expected.shape != result.shape:
                continue
            if name in _EXACT:
                same = np.allclose(expected, result, rtol=TOLERANCE, atol=TOLERANCE / 10)
            else:
                same = _is_multiple(expected, result)
            if same or (name in _NORMS and _is_affine(expected, result, axes)):
                instance = name == "LayerNormalization" and x.ndim > 3 and axes == tuple(range(2, x.ndim))
                return "InstanceNormalization" if instance else name
    return None


def _axes(rank: int) -> Iterator[tuple[int, ...]]:
    """Yield what a function can run along: every axis alone, from the last, and the last two, three, ..."""
    for axis in range(rank - 1, -1, -1):
        yield (axis,)
    for first in range(rank - 2, 0, -1):
        yield tuple(range(first, rank))


def _is_multiple(expected: Array, values: Array) -> bool:
    """Return whether `values` is a constant times `expected`, and neither is constant."""
    power = float(np.vdot(expected, expected))
    if not np.isfinite(values).all() or not power or np.ptp(expected) < 1e-9:
        return False
    factor = float(np.vdot(expected, values)) / power
    return bool(abs(factor) > 1e-6 and np.abs(values - factor * expected).max() <= TOLERANCE * np.abs(values).max())


def _is_affine(expected: Array, values: Array, axes: tuple[int, ...]) -> bool:
    """Return whether `values` is gain * expected + shift, with one gain and shift for every place along `axes`.

    The gains and shifts of an instance normalization are one a channel, along axis 1.
    """
    places = (1,) if len(axes) > 1 and expected.ndim > 3 and axes[0] == 2 else axes
    rows = tuple(axis for axis in range(expected.ndim) if axis not in places)
    if math.prod(expected.shape[axis] for axis in rows) < FEWEST_ROWS or not np.isfinite(values).all():
        return False
    x, y = _centred(expected, rows), _centred(values, rows)
    power = np.square(x).sum(rows, keepdims=True)
    gain = (x * y).sum(rows, keepdims=True) / np.where(power, power, 1)
    return bool(np.abs(gain).max() > 1e-6 and np.abs(y - gain * x).max() <= 2 * TOLERANCE * np.abs(y).max())
