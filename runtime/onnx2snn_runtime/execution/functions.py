"""Functions of neurons as tapes that a kernel computes: see `kernels.pointwise`. What has no tape is left to torch."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from onnx2snn_runtime.kernels.base import Clamp
from onnx2snn_runtime.kernels.pointwise import Pointwise, Tape, Writer
from onnx2snn_runtime.program.fusion import scaled
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program

Operand = tuple[str, int]
Write = Callable[..., Operand]
"""Writes a call: write(writer, *operands, **attributes) returns its result."""

TYPES = (torch.float32, torch.float64)


@dataclass
class Function:
    """A tape and its arrays; `fits` says whether sources of these shapes can be computed with it."""

    tape: Tape
    arrays: tuple[Tensor, ...]
    _known: dict[Any, bool] = field(default_factory=dict)

    def fits(self, sources: Sequence[Tensor], dtype: torch.dtype) -> bool:
        """Return whether the sources [n, ...] are numbers of `dtype` on the host, one for each neuron."""
        first = sources[0]
        if first.device.type != "cpu" or dtype not in TYPES:
            return False
        key = tuple([(x.shape[1:], x.dtype) for x in sources])
        if key not in self._known:
            shape = first.shape[1:]
            alike = all(x.dtype == dtype and x.shape[1:] == shape and x.device == first.device for x in sources)
            self._known[key] = alike and all(_by_sample(x.shape, shape) for x in self.arrays)
        return self._known[key]

    def of(self, others: Sequence[Tensor]) -> Pointwise:
        """Return the function with its sources besides the first."""
        return Pointwise(self.tape, others, self.arrays)


def _by_sample(own: Sequence[int], shape: Sequence[int]) -> bool:
    """Return whether an array of the shape `own` broadcasts to neurons of `shape` [batch, ...], by sample."""
    if len(own) > len(shape) or (len(own) == len(shape) and own[0] != 1):
        return False
    return all(n in (1, size) for n, size in zip(reversed(own), reversed(shape), strict=False))


class Bound(NamedTuple):
    """The function of a population, without a last clip, which is `clamp`."""

    function: Function
    clamp: Clamp | None


def bind_function(item: Population, program: Program, frame: Frame) -> Bound | None:
    """Return the function of `item` as a tape; None where a call has none, or where a constant is an input."""
    if program.compile_regions or not program.constants.keys() >= set(item.constants):
        return None
    body, result, clamp = item.clamped(frame) or (item.body, item.result, None)
    count = len(item.sources)
    constants = {name: frame.values[own] for name, own in zip(item.formal[count:], item.constants, strict=True)}
    made = function_of(body, result, item.formal[:count], constants)
    if made is None:
        return None
    return Bound(made, clamp) if made.arrays else _alike(made.tape, clamp)


@functools.lru_cache(maxsize=1024)
def _alike(tape: Tape, clamp: Clamp | None) -> Bound:
    """Return the one function of this tape without arrays."""
    return Bound(Function(tape, ()), clamp)


def function_of(
    calls: Sequence[Call], result: str, sources: Sequence[str], constants: Mapping[str, Tensor]
) -> Function | None:
    """Return the function that `calls` compute of sources and constants, None where one of them has no tape."""
    writer = Writer(len(sources), len(constants))
    operands: dict[str, Operand] = {name: writer.source(i) for i, name in enumerate(sources)}
    operands |= {name: writer.array(i) for i, name in enumerate(constants)}
    if not all(value.is_floating_point() for value in constants.values()):
        return None
    for item in calls:
        made = _written(writer, item, operands)
        if made is None:
            return None
        operands[item.outputs[0]] = made
    tape = writer.tape(operands[result]) if result in operands else None
    return None if tape is None else Function(tape, tuple(constants.values()))


def _written(writer: Writer, item: Call, operands: Mapping[str, Operand]) -> Operand | None:
    """Write a call and return its result, None where it has no instructions."""
    rule, function, extra, factor = RULES.get(item.op_type), item.operator.function, dict(item.attributes), 1.0
    if rule is None or item.operator.domain or item.operator.since < rule.since:
        return None
    if any(name and name not in operands for name in item.inputs):
        return None
    if isinstance(function, functools.partial):
        if function.func is not scaled:
            return None
        factor = function.keywords["factor"]
        extra |= getattr(function.keywords["function"], "keywords", {})  # gelu(approximate="tanh")
    values = [operands[name] if name else None for name in item.inputs]
    if not rule.least <= len(values) <= rule.most or not extra.keys() <= rule.attributes or None in values[:1]:
        return None
    made: Operand = rule.write(writer, *values, **extra)
    return made if factor == 1.0 else writer.emit("mul", made, writer.number(factor))


@dataclass(frozen=True)
class Rule:
    """How an operator is written: the numbers of its inputs, the attributes that it may have, and since which opset."""

    write: Write
    least: int = 1
    most: int = 1
    attributes: frozenset[str] = frozenset()
    since: int = 1


def _emitting(operation: str, operands: int = 1) -> Rule:
    return Rule(lambda w, *given: w.emit(operation, *given), operands, operands)


def _folded(operation: str) -> Rule:
    def write(w: Writer, first: Operand, *others: Operand) -> Operand:
        for other in others:
            first = w.emit(operation, first, other)
        return first

    return Rule(write, 1, 8)


def _clip(w: Writer, x: Operand, low: Operand | None = None, high: Operand | None = None) -> Operand:
    infinite = float("inf")
    return w.emit("clip", x, low or w.number(-infinite), high or w.number(infinite))


def _hard_sigmoid(w: Writer, x: Operand, alpha: float = 0.2, beta: float = 0.5) -> Operand:
    line = w.emit("add", w.emit("mul", w.number(alpha), x), w.number(beta))
    return w.emit("clip", line, w.number(0.0), w.number(1.0))


def _swish(w: Writer, x: Operand, alpha: float = 1.0) -> Operand:
    if alpha == 1:
        return w.emit("swish", x)
    return w.emit("mul", x, w.emit("sigmoid", w.emit("mul", w.number(alpha), x)))


def _gelu(w: Writer, x: Operand, approximate: str = "none") -> Operand:
    return w.emit("gelu" if approximate == "none" else "gelu_tanh", x)


RULES: Mapping[str, Rule] = {
    **{name: _emitting(name.lower()) for name in ("Neg", "Abs", "Sqrt", "Exp", "Sigmoid", "Tanh", "Erf", "Relu")},
    **{name: _emitting(name.lower(), 2) for name in ("Add", "Sub", "Mul", "Div")},
    "Max": _folded("maximum"),
    "Min": _folded("minimum"),
    "Sum": _folded("add"),
    "Identity": Rule(lambda w, x: x),
    "Reciprocal": Rule(lambda w, x: w.emit("div", w.number(1.0), x)),
    "Clip": Rule(_clip, 1, 3),
    "Gelu": Rule(_gelu, attributes=frozenset({"approximate"})),
    "HardSigmoid": Rule(_hard_sigmoid, attributes=frozenset({"alpha", "beta"})),
    "HardSwish": _emitting("hard_swish"),
    "LeakyRelu": Rule(lambda w, x, alpha=0.01: w.emit("leaky", x, w.number(alpha)), attributes=frozenset({"alpha"})),
    "PRelu": Rule(lambda w, x, slope: w.emit("prelu", x, slope), 2, 2, since=7),
    "Swish": Rule(_swish, attributes=frozenset({"alpha"})),
    "SwiGLU": Rule(lambda w, a, b, alpha=1.0: w.emit("mul", _swish(w, a, alpha), b), 2, 2, frozenset({"alpha"})),
}
"""The operators that have instructions, with the arithmetic of their handlers."""
