"""Pointwise functions as tapes, which C kernels compute block by block while the numbers lie in the cache: functions.c.

A function of up to SOURCES values, of numbers, and of arrays that broadcast to a sample, is a list of instructions on
rows: the sources are the first rows, then come the scale, the numbers and the arrays, then the results.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from onnx2snn_runtime.dynamics.base import Tensor

SOURCES, ROWS = 4, 24
"""The most sources, and the most rows besides them, as in scan.c."""

OPERATIONS = (
    "add", "sub", "mul", "div", "maximum", "minimum", "clip", "neg", "abs", "sqrt", "exp", "sigmoid", "tanh", "erf",
    "relu", "gelu", "gelu_tanh", "swish", "hard_swish", "leaky", "prelu",
)  # fmt: skip
"""The operations, in the order of functions.c."""

_CODES = {name: code for code, name in enumerate(OPERATIONS)}


@dataclass(frozen=True)
class Tape:
    """A function: its `code`, five numbers an instruction, the row of its `result`, its sources and what it is given.

    `numbers` follow the scale among the rows, and `arrays`, so many of them, follow the numbers.
    """

    code: tuple[int, ...]
    result: int
    sources: int
    numbers: tuple[float, ...] = ()
    arrays: int = 0


class Pointwise(NamedTuple):
    """A tape with the sources [n, ...] besides the target, which stands for the first one, and with its arrays."""

    tape: Tape
    others: Sequence[Tensor] = ()
    arrays: Sequence[Tensor] = ()


PLAIN = Tape((), 0, 1)
"""The function of one source that is the source."""


class Writer:
    """Writes a tape: `emit` adds an instruction, `number` a constant, and both return its row."""

    def __init__(self, sources: int, arrays: int = 0) -> None:
        self.sources, self.arrays = sources, arrays
        self._numbers: dict[float, int] = {}
        self._made: list[tuple[str, list[tuple[str, int]]]] = []

    def source(self, index: int) -> tuple[str, int]:
        """Return the operand that is a source."""
        return "source", index

    def array(self, index: int) -> tuple[str, int]:
        """Return the operand that is an array."""
        return "array", index

    def number(self, value: float) -> tuple[str, int]:
        """Return the operand that is a number."""
        return "number", self._numbers.setdefault(float(value), len(self._numbers))

    def emit(self, operation: str, *operands: tuple[str, int]) -> tuple[str, int]:
        """Add an instruction and return the operand that is its result."""
        self._made.append((operation, list(operands)))
        return "made", len(self._made) - 1

    def tape(self, result: tuple[str, int]) -> Tape | None:
        """Return the tape that ends with `result`, None where it has too many rows."""
        givens = 1 + len(self._numbers) + self.arrays
        if self.sources > SOURCES or givens + len(self._made) > ROWS:
            return None
        first = {"source": 0, "number": self.sources + 1, "array": self.sources + 1 + len(self._numbers)}
        first["made"] = self.sources + givens
        code = list[int]()
        for index, (operation, operands) in enumerate(self._made):
            rows = [first[kind] + place for kind, place in operands]
            code += [_CODES[operation], first["made"] + index, *rows, *rows[:1] * (3 - len(rows))]
        return Tape(tuple(code), first[result[0]] + result[1], self.sources, tuple(self._numbers), self.arrays)
