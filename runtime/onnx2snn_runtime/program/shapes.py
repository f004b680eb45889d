"""Caches values that depend only on the shapes of the inputs, such as the shape arithmetic that exporters write."""

import operator
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor
from onnx2snn_runtime.program.population import Population

MAX_SHAPES = 8
"""The input shapes that are cached."""

MAX_ELEMENTS = 1 << 20
"""The largest number of elements that are cached for one of them."""


def shaped_values(
    items: Iterable[Call | Population], constants: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the values of `items` that depend on constants and input shapes only; those with data-dependent shapes.

    The shape of a value is data-dependent if it depends on the content of an input: a length, or what is not zero.
    """
    known, shaped, data_dependent = set(constants), set[str](), set[str]()
    for item in items:
        if isinstance(item, Population):
            data_dependent.update((item.output,) if data_dependent.intersection(item.sources) else ())
            continue
        given = [name for name in item.inputs if name]
        wanted = item.operator.ints | item.operator.scalars
        operator_facts = facts(item.op_type, item.operator.domain)
        numbers = [name for i, name in enumerate(item.inputs) if i in wanted or operator_facts.shaped_by_data]
        if data_dependent.intersection(given) or any(name and name not in known for name in numbers):
            data_dependent.update(item.outputs)
        elif operator_facts.shape_only or (shaped.intersection(given) and known.issuperset(given)):
            shaped.update(name for name in item.outputs if name)
            known |= shaped
    return frozenset(shaped), frozenset(data_dependent)


@dataclass(frozen=True)
class CacheEntry:
    """The cached values for some input shapes, their host copies, the constants they depend on, an execution plan."""

    values: dict[str, Any]
    host: dict[str, Any]
    constants: tuple[Any, ...]
    plan: Any


@dataclass
class ShapeCache:
    """Caches the values `names`, which depend on shapes only, by the shapes of the model's inputs."""

    names: frozenset[str]
    data_dependent: frozenset[str]
    """The values with data-dependent shapes."""

    entries: "OrderedDict[Any, CacheEntry]" = field(default_factory=OrderedDict)

    def lookup(self, frame: Frame, inputs: Mapping[str, Tensor], constants: Sequence[Any]) -> Any:
        """Bind the values cached for the shapes of `inputs` in `frame` and return the plan; None if there are none.

        The cache is cleared if it was filled with other `constants`, which are compared by identity.
        """
        key = _key(inputs)
        known = self.entries.get(key)
        if known is None:
            return None
        if len(known.constants) != len(constants) or not all(map(operator.is_, known.constants, constants)):
            self.entries.clear()
            return None
        self.entries.move_to_end(key)
        frame.values.update(known.values)
        frame.host.update(known.host)
        return known.plan

    def store(self, frame: Frame, inputs: Mapping[str, Tensor], constants: Sequence[Any], plan: Any) -> None:
        """Cache the values in `frame` after a run with `inputs`, unless they are large, and the execution plan."""
        values = {name: frame.values[name] for name in self.names if name in frame.values}
        if sum(value.numel() for value in values.values() if isinstance(value, Tensor)) > MAX_ELEMENTS:
            return
        host = {name: frame.host[name] for name in values if name in frame.host}
        self.entries[_key(inputs)] = CacheEntry(values, host, tuple(constants), plan)
        if len(self.entries) > MAX_SHAPES:
            self.entries.popitem(last=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "entries": OrderedDict()}


def _key(inputs: Mapping[str, Tensor]) -> tuple[Any, ...]:
    return tuple((name, value.shape, value.dtype) for name, value in inputs.items())
