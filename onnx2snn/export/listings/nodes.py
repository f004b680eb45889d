"""Nodes as lines of code: a call of an operator's source, with its inputs and attributes written out."""

import functools
import inspect
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from onnx2snn.export.listings.names import Names, snake
from onnx2snn.export.listings.sources import Sources, chooses_types
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops.cast import DTYPES, FLOATS
from onnx2snn_runtime.program import fusion
from onnx2snn_runtime.program.interpreter import Call

SHORT = {
    "Identity": "{}", "Neg": "-{}", "Relu": "torch.relu({})", "Add": "{} + {}", "Sub": "{} - {}", "Mul": "{} * {}",
    "MatMul": "{} @ {}",
}  # fmt: skip
"""Operators on floating-point values that need no function of their own."""
TYPED = ("to", "dtype", "output_dtype", "value", "value_float", "value_floats")
"""Attributes that decide of what type a result is."""
MOST_NUMBERS = 4096
HELPERS = {
    "ints": '''def ints(x):
    """Return the numbers of a tensor as a list."""
    found = x.tolist() if isinstance(x, torch.Tensor) else x
    return found if isinstance(found, list) else [found]''',
    "scalar": '''def scalar(x):
    """Return the number that a tensor of one element holds."""
    found = x.tolist() if isinstance(x, torch.Tensor) else x
    return found[0] if isinstance(found, list) and len(found) == 1 else found''',
    "real": '''def real(x):
    """Return a tensor of numbers in the type of the network, others as they are."""
    return x.to(DTYPE) if isinstance(x, torch.Tensor) and x.is_floating_point() else x''',
    "results": '''def results(y):
    """Return what an operator gives as a tuple."""
    return y if isinstance(y, tuple) else (y,)''',
}
"""What lines may use, by name."""


@dataclass
class Scope:
    """The values that lines can read: their expressions by name, and the arrays of those that are constant.

    `like` is a value whose device constants are made on; `inside`: the lines compute what varies in time.
    """

    names: Names
    texts: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    like: str = ""

    def bind(self, name: str) -> str:
        """Return the variable that holds the value `name` from now on, "_" for one that nothing reads."""
        if not name:
            return "_"
        self.texts[name] = self.names.new(plain(name))
        return self.texts[name]


def plain(name: str) -> str:
    """Return the name of a value without what exporters add to every name."""
    return name.strip("/:._").removesuffix("_output_0") or name


def _gives_tuple(item: Call) -> bool:
    """Return whether the handler of `item` may give several results."""
    annotations = getattr(item.operator.function, "__annotations__", {"return": "Tensor"})
    return any(word in str(annotations.get("return", "Any")) for word in ("tuple", "Any"))


class NodeWriter:
    """Writes nodes as lines; `sources` gathers the functions that they call, `used` the helpers."""

    def __init__(self, sources: Sources, plain_types: bool) -> None:
        self.sources = sources
        self.used: set[str] = set()
        self.short = SHORT if plain_types else {}

    def line(self, item: Call, scope: Scope, inside: bool) -> str:
        """Return the line that computes `item`; `inside`: among what varies in time, or in a neuron."""
        value = self.value(item, scope, inside)
        targets = [scope.bind(name) for name in item.outputs]
        if len(targets) == 1 and not _gives_tuple(item):
            return f"{targets[0]} = {value}"
        return f"{', '.join(targets)}, *_ = {self.help('results')}({value})"

    def first(self, item: Call, scope: Scope) -> str:
        """Return the expression for the first output of `item`, which is computed in a neuron."""
        value = self.value(item, scope, inside=True)
        return f"{self.help('results')}({value})[0]" if _gives_tuple(item) else value

    def value(self, item: Call, scope: Scope, inside: bool) -> str:
        """Return the expression for what `item` gives."""
        function = item.operator.function
        arguments = [self.argument(item, i, scope) for i in range(len(item.inputs))]
        if isinstance(function, functools.partial) and function.func is fusion.scaled:
            made = f"{self.sources.text(function.keywords['function'])}({arguments[0]})"
            factor = function.keywords["factor"]
            return made if factor == 1.0 else f"{factor!r} * {made}"
        if inside and item.op_type == "Cast" and not item.operator.domain and self._to_float(item):
            return f"{arguments[0]}.to(DTYPE)"
        if inside and not item.operator.domain and not item.attributes and item.op_type in self.short:
            return self.short[item.op_type].format(*arguments)
        while arguments and arguments[-1] == "None":
            arguments.pop()
        usual = {p.name: p.default for p in inspect.signature(function).parameters.values()}
        given = {name: value for name, value in item.attributes.items()
                 if isinstance(value, torch.Tensor) or value != usual.get(name, inspect.Parameter.empty)}  # fmt: skip
        options = [f"{name}={self._attribute(value, scope)}" for name, value in given.items()]
        made = f"{self.sources.text(function, snake(item.op_type))}({', '.join([*arguments, *options])})"
        if any(name in item.attributes for name in TYPED) or chooses_types(function):
            return f"{self.help('real')}({made})"
        return made

    def argument(self, item: Call, index: int, scope: Scope) -> str:
        """Return input `index` of `item` as the handler takes it."""
        name = item.inputs[index]
        if not name:
            return "None"
        host = "ints" if index in item.operator.ints else "scalar" if index in item.operator.scalars else ""
        if host and name in scope.arrays and scope.arrays[name].size <= MOST_NUMBERS:
            found = scope.arrays[name].tolist()
            if host == "ints":
                return self.sources.text(found if isinstance(found, list) else [found])
            return self.sources.text(found[0] if isinstance(found, list) and len(found) == 1 else found)
        text = scope.texts[name]
        return f"{self.help(host)}({text})" if host else text

    def help(self, name: str) -> str:
        """Return the name of a helper, which the file then holds."""
        self.used.add(name)
        return name

    def _to_float(self, item: Call) -> bool:
        return DTYPES.get(item.attributes.get("to", 0)) in FLOATS

    def _attribute(self, value: Any, scope: Scope) -> str:
        if isinstance(value, torch.Tensor):
            if value.numel() > MOST_NUMBERS:
                raise UnsupportedError(f"an attribute holds {value.numel()} numbers: make it an initializer")
            kind = "DTYPE" if value.is_floating_point() else str(value.dtype)
            device = f", device={scope.like}.device" if scope.like else ""
            return f"torch.tensor({self._numbers(value.tolist())}, dtype={kind}{device})"
        if callable(value):
            raise UnsupportedError("an operator holds a graph, which is not written as code")
        return self.sources.text(value)

    def _numbers(self, value: Any) -> str:
        if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
            return f'float("{value}")'
        return self.sources.text(value)
