"""Analyses the inputs of each weighted synapse: their senders, and the synapses without weights in between.

spikes   every element is one element of one sender, times a constant that can be folded into the weights
sums     sums of several spikes, from pooling or an addition
numbers  outputs of a weighted synapse, or of an operation with an operand that depends on the network's inputs
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


@dataclass(frozen=True)
class Arrival:
    """The input `index` of the weighted synapse `item`: it comes from `sources`, through the calls of `path`, in order.

    `kind` is spikes, sums or numbers. `shifted`: its value at rest depends on the inputs of the network; `loose`: its
    weights do.
    """

    item: Call
    index: int
    sources: tuple[str, ...]
    path: tuple[Call, ...]
    kind: str
    shifted: bool
    loose: bool

    @property
    def name(self) -> str:
        """The name of the synapse."""
        return layer_name(self.item)

    @property
    def value(self) -> str:
        """The name of the value that arrives."""
        return self.item.inputs[self.index]


class Product(NamedTuple):
    """A product of two activations: the call `inner` in the body of a population.

    `shifted` says of each source whether its value at rest depends on the inputs of the network.
    """

    item: Population
    inner: Call
    shifted: tuple[bool, ...]

    @property
    def name(self) -> str:
        """The name of the population."""
        return self.item.name


class _Trace(NamedTuple):
    sources: tuple[str, ...] = ()
    path: tuple[Call, ...] = ()
    kind: str = "spikes"
    shifted: bool = False


def layer_name(item: Call) -> str:
    """Return what a weighted synapse is called: its node, or its output."""
    return item.node or item.outputs[0]


def factors(item: Call, flags: tuple[bool, ...]) -> list[int]:
    """Return the flagged inputs of `item` that its weights multiply."""
    held = facts(item.op_type, item.operator.domain)
    return [i for i, flag in enumerate(flags) if flag and held.role(i) == "f"]


def weighted(item: Call) -> bool:
    """Return whether `item` multiplies by weights."""
    return facts(item.op_type, item.operator.domain).weighted


def direct_calls(program: Program) -> list[Call]:
    """Return the weighted calls that run once for an input: the first layers under `direct` coding."""
    hanging = _hanging(program)
    return [
        item
        for item in program.prologue
        if weighted(item) and any(item.inputs[i] in hanging for i in _all_factors(item))
    ]


def products(program: Program) -> list[Product]:
    """Return the products of two activations."""
    tracer, found = _Tracer(program), []
    for item in program.populations:
        moving = set(item.formal[: len(item.sources)])
        for inner in item.body:
            flags = tuple(name in moving for name in inner.inputs)
            if weighted(inner) and len(factors(inner, flags)) > 1:
                found.append(Product(item, inner, tuple(tracer.trace(name).shifted for name in item.sources)))
            if any(flags):
                moving.update(inner.outputs)
    return found


def arrivals(program: Program) -> list[Arrival]:
    """Return what reaches the weighted synapses that run at every step."""
    tracer, hanging = _Tracer(program), _hanging(program)
    found = []
    for item in tracer.calls:
        if not weighted(item):
            continue
        for index in factors(item, item.varying):
            way = tracer.trace(item.inputs[index])
            loose = any(item.inputs[i] in hanging for i in _all_factors(item) if i != index)
            found.append(Arrival(item, index, *way._replace(kind="numbers" if loose else way.kind), loose))
    return found


class _Tracer:
    def __init__(self, program: Program) -> None:
        self.calls = [item for item in (*program.loop, *program.tail) if isinstance(item, Call)]
        self.makers = {name: item for item in self.calls for name in item.outputs if name}
        self.varying = program.varying
        self.senders = {item.output for item in program.populations} | set(program.defaults.spiking_inputs)
        self.hanging = _hanging(program)
        self.known: dict[str, _Trace] = {}

    def trace(self, name: str) -> _Trace:
        """Return what the value `name` is made of."""
        if name not in self.known:
            self.known[name] = self._trace(name)
        return self.known[name]

    def _trace(self, name: str) -> _Trace:
        if name in self.senders:
            return _Trace((name,))
        item = self.makers.get(name)
        if item is None or name not in self.varying:
            return _Trace(shifted=name in self.hanging)
        parts = [self.trace(given) for given, flag in zip(item.inputs, item.varying, strict=True) if flag]
        rest = [given for given, flag in zip(item.inputs, item.varying, strict=True) if given and not flag]
        mixed = any(given in self.hanging for given in rest)
        sources = tuple(dict.fromkeys(source for part in parts for source in part.sources))
        path = tuple({id(call): call for part in parts for call in part.path}.values())
        kind = _kind(item, [part.kind for part in parts], mixed)
        return _Trace(sources, (*path, item), kind, mixed or any(part.shifted for part in parts))


def _kind(item: Call, kinds: list[str], mixed: bool) -> str:
    if weighted(item) or "numbers" in kinds:
        return "numbers"
    held = facts(item.op_type, item.operator.domain)
    factor = mixed and not (held.sums or item.op_type == "Concat")
    nearest = item.op_type in ("Resize", "Upsample") and item.attributes.get("mode", "nearest") == "nearest"
    alone = nearest or held.copies or item.op_type == "Neg" or (held.elementwise and len(kinds) == 1)
    return "sums" if factor or not alone else max(kinds, key=("spikes", "sums").index)


def _all_factors(item: Call) -> Iterator[int]:
    yield from factors(item, tuple(bool(name) for name in item.inputs))


def _hanging(program: Program) -> set[str]:
    """Return the values that depend on the inputs of the network but do not vary in time."""
    found = {port.name for port in program.inputs} - set(program.defaults.spiking_inputs)
    for item in (*program.prologue, *program.loop, *program.tail):
        if (
            isinstance(item, Call)
            and not facts(item.op_type, item.operator.domain).shape_only
            and found.intersection(item.inputs)
        ):
            found.update(name for name in item.outputs if name and name not in program.varying)
    return found
