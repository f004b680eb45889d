"""Values that hang on the shapes of the inputs alone: exporters compute them node by node, a run once a shape."""

import operator
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor
from onnx2snn_runtime.program.population import Population

SHAPES = 8
"""So many shapes are remembered."""

ELEMENTS = 1 << 20
"""No more elements than this are kept for one of them."""


def shaped_values(
    items: Iterable[Call | Population], constants: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the values that `items`, in order, make of constants and of the shapes of the inputs alone.

    A shape that hangs on what is in an input (a length that is given, what is not zero) does not count: the values of
    such shapes come second.
    """
    known, shaped, loose = set(constants), set[str](), set[str]()  # loose: their shapes are not those of the inputs
    for item in items:
        if isinstance(item, Population):
            loose.update((item.output,) if loose.intersection(item.sources) else ())
            continue
        given = [name for name in item.inputs if name]
        wanted = item.operator.ints | item.operator.scalars
        held = facts(item.op_type, item.operator.domain)
        numbers = [name for i, name in enumerate(item.inputs) if i in wanted or held.shaped_by_data]
        if loose.intersection(given) or any(name and name not in known for name in numbers):
            loose.update(item.outputs)
        elif held.shape_only or (shaped.intersection(given) and known.issuperset(given)):
            shaped.update(name for name in item.outputs if name)
            known |= shaped
    return frozenset(shaped), frozenset(loose)


@dataclass(frozen=True)
class Known:
    """What is known for some shapes: values, their copies on the host, the constants then, and the way to go."""

    values: dict[str, Any]
    host: dict[str, Any]
    constants: tuple[Any, ...]
    route: Any


@dataclass
class ShapeMemory:
    """What runs computed of the values `names`, by the shapes of the model's inputs."""

    names: frozenset[str]
    loose: frozenset[str]
    """Values whose shapes are not those of the inputs alone."""

    kept: "OrderedDict[Any, Known]" = field(default_factory=OrderedDict)

    def recall(self, frame: Frame, inputs: Mapping[str, Tensor], constants: Sequence[Any]) -> Any:
        """Bind in `frame` what is known for the shapes of `inputs`, and return the way to go; None where nothing is.

        What was made with other `constants`, which are compared by identity, is forgotten.
        """
        key = _key(inputs)
        known = self.kept.get(key)
        if known is None:
            return None
        if len(known.constants) != len(constants) or not all(map(operator.is_, known.constants, constants)):
            self.kept.clear()
            return None
        self.kept.move_to_end(key)
        frame.values.update(known.values)
        frame.host.update(known.host)
        return known.route

    def remember(self, frame: Frame, inputs: Mapping[str, Tensor], constants: Sequence[Any], route: Any) -> None:
        """Keep what `frame` holds, after a run with `inputs`, where it is small, and the way to go."""
        values = {name: frame.values[name] for name in self.names if name in frame.values}
        if sum(value.numel() for value in values.values() if isinstance(value, Tensor)) > ELEMENTS:
            return
        host = {name: frame.host[name] for name in values if name in frame.host}
        self.kept[_key(inputs)] = Known(values, host, tuple(constants), route)
        if len(self.kept) > SHAPES:
            self.kept.popitem(last=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "kept": OrderedDict()}


def _key(inputs: Mapping[str, Tensor]) -> tuple[Any, ...]:
    return tuple((name, value.shape, value.dtype) for name, value in inputs.items())
