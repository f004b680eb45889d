"""Computes the weights that a spike of each population meets, once for the shapes of the inputs.

During a run it is then enough to know that a spike was sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch

from onnx2snn_runtime.execution.base import Settings
from onnx2snn_runtime.execution.values import ValueExecution
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.kernels.tally import Held
from onnx2snn_runtime.probing.arrivals import Arrival, Product, arrivals, direct_calls, layer_name, products
from onnx2snn_runtime.probing.fans import fan_out, pulled_back
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor
from onnx2snn_runtime.program.program import Program

KEPT = 8
"""Shapes that are remembered for a program."""


@dataclass
class Pattern:
    """Weights that each element of a sender meets, up to a factor: `fan` [period], which repeats over the samples.

    `layers` are the synapses, and by what the fan is to be multiplied there.
    """

    fan: Tensor
    layers: list[tuple[str, float]] = field(default_factory=list)


@dataclass
class Seen:
    """An arrival that is looked at where it arrives: what it is at rest (None: that depends on the inputs)."""

    arrival: Arrival
    rest: Tensor | None


@dataclass
class Reach:
    """For some shapes of inputs: patterns by sender, arrivals to be looked at by output, weights met if all move.

    `dense` holds them by layer, for one sample and step; `fans` those of each arrival, by output and input (None: they
    depend on the inputs); `direct` the calls that run once, with their fans.
    """

    batch: int
    patterns: dict[str, list[Pattern]] = field(default_factory=dict)
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    dense: dict[str, float] = field(default_factory=dict)
    fans: dict[tuple[str, int], Tensor | None] = field(default_factory=dict)
    direct: list[tuple[str, Call, int, Tensor]] = field(default_factory=list)
    operands: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    """What the sources of populations that multiply are at rest, where that does not depend on the inputs."""
    likes: dict[str, Tensor] = field(default_factory=dict)
    """A value of zeros of each sender, of one element in memory."""
    known: dict[Any, Tensor] = field(default_factory=dict)
    """Fans of synapses: one for all that have equal weights, such as the positions of a recurrence."""
    tallied: dict[Any, Any] = field(default_factory=dict)
    """What counters have made of the patterns for kernels."""
    held: Held = field(default_factory=dict)
    """What kernels were given beside what arrives."""
    units: dict[Any, Any] = field(default_factory=dict)
    """Units of sums, see `sums.Units`."""
    shares: dict[Any, Any] = field(default_factory=dict)
    """Whose sums kernels tally where spikes arrive."""
    flat: dict[tuple[str, int], Tensor] = field(default_factory=dict)

    def flat_fan(self, key: tuple[str, int]) -> Tensor | None:
        """Return the fan of an arrival as short as it can be, [period], None where it depends on the inputs."""
        fan = self.fans[key]
        if fan is not None and key not in self.flat:
            self.flat[key] = _period(fan, len(fan) if fan.ndim and len(fan) == self.batch else 1)
        return self.flat.get(key)


@dataclass(frozen=True)
class Plan:
    """What of a program can be counted, whatever the shapes."""

    arrivals: list[Arrival]
    direct: list[Call]
    products: list[Product]

    @property
    def observed(self) -> frozenset[str]:
        """The synapses and populations, by output, that have to be shown to the counter."""
        shown = {a.item.outputs[0] for a in self.arrivals if a.kind != "spikes"}
        return frozenset(shown | {product.item.output for product in self.products})

    @property
    def observes_currents(self) -> bool:
        """Whether currents have to be seen where they arrive."""
        return any(arrival.kind != "spikes" for arrival in self.arrivals)


@dataclass
class _Memory:
    plan: Plan
    version: Any = None
    reaches: dict[Any, Reach] = field(default_factory=dict)


_KNOWN: "WeakKeyDictionary[Program, _Memory]" = WeakKeyDictionary()


def plan_of(program: Program) -> Plan:
    """Return what can be counted of `program`, worked out once."""
    return _memory(program).plan


def _memory(program: Program) -> _Memory:
    if program not in _KNOWN:
        _KNOWN[program] = _Memory(Plan(arrivals(program), direct_calls(program), products(program)))
    return _KNOWN[program]


def reach_of(program: Program, settings: Settings, inputs: Mapping[str, Tensor], batch: int) -> Reach:
    """Return the reach for inputs shaped as these, `batch` samples; weights that were changed are read anew."""
    memory = _memory(program)
    version = (program.version, *((id(w), 0 if w.is_inference() else w._version) for w in program.constants.values()))
    key = tuple((name, tuple(x.shape)) for name, x in sorted(inputs.items()))
    if memory.version != version or len(memory.reaches) >= KEPT:
        memory.version = version
        memory.reaches.clear()
    if key not in memory.reaches:
        memory.reaches[key] = _work_out(program, replace(settings, probes=()), inputs, batch, memory.plan)
    return memory.reaches[key]


def _work_out(program: Program, settings: Settings, inputs: Mapping[str, Tensor], batch: int, plan: Plan) -> Reach:
    still = ValueExecution(program, settings)
    still.set_inputs(inputs)
    still.evaluate()
    frame, reach = still.frame, Reach(batch)
    zero = torch.zeros((), device=program.device)
    senders = [*program.defaults.spiking_inputs, *(item.output for item in program.populations)]
    reach.likes = {name: zero.expand(frame.values[name].shape) for name in senders}
    for arrival in plan.arrivals:
        _add(reach, arrival, frame)
    for product in plan.products:
        for index, (name, shifted) in enumerate(zip(product.item.sources, product.shifted, strict=True)):
            if not shifted:
                reach.operands[product.item.output, index] = frame.values[name]
    for item in plan.direct:
        for index in _moving_factors(item, frame, program):
            fan = _row(fan_out(item, index, frame.values[item.inputs[index]], frame), batch)
            reach.direct.append((layer_name(item), item, index, fan))
            reach.fans[item.outputs[0], index] = fan
            _add_dense(reach, layer_name(item), item, index, frame)
    reach.known.clear()
    return reach


def _moving_factors(item: Call, frame: Frame, program: Program) -> Sequence[int]:
    """Return the factors of a call before the loop that are no weights."""
    held = facts(item.op_type, item.operator.domain)
    every = [i for i, name in enumerate(item.inputs) if name and held.role(i) == "f"]
    return [i for i in every if item.inputs[i] not in program.constants][:1]


def _add(reach: Reach, arrival: Arrival, frame: Frame) -> None:
    value = frame.values[arrival.value]
    fan = None if arrival.loose else _fan(reach, arrival.item, arrival.index, value, frame)
    reach.fans[arrival.item.outputs[0], arrival.index] = None if fan is None else _row(fan, reach.batch)
    if arrival.kind != "spikes" or arrival.shifted:
        rest = None if arrival.shifted else _row(value, reach.batch)
        reach.seen.setdefault(arrival.item.outputs[0], []).append(Seen(arrival, rest))
    _add_dense(reach, arrival.name, arrival.item, arrival.index, frame)
    if arrival.kind != "spikes" or fan is None:
        return
    for sender, met in pulled_back(arrival, fan, reach.likes, frame).items():
        _add_pattern(reach.patterns.setdefault(sender, []), arrival.name, _period(met, reach.batch))


def _add_dense(reach: Reach, name: str, item: Call, index: int, frame: Frame) -> None:
    value = frame.values[item.inputs[index]]
    fan = _fan(reach, item, index, value, frame, dense=True)
    total = float(fan.sum(dtype=torch.float64)) * value.numel() / max(1, fan.numel())
    reach.dense[name] = max(reach.dense.get(name, 0.0), total / reach.batch)


def _fan(reach: Reach, item: Call, index: int, like: Tensor, frame: Frame, dense: bool = False) -> Tensor:
    """Return `fan_out`, worked out once for calls that differ in the name of input `index` alone."""
    held = tuple([(name, tuple(v) if isinstance(v, list) else v) for name, v in item.attributes.items()])
    others = item.inputs[:index], item.inputs[index + 1 :]
    key = (item.operator, held, others, index, like.shape, dense)
    if key not in reach.known:
        reach.known[key] = fan_out(item, index, like, frame, dense=dense)
    return reach.known[key]


def _row(value: Tensor, batch: int) -> Tensor:
    """Return `value`, of one sample alone where all samples along its first axis are alike."""
    alike = value.ndim > 0 and len(value) == batch > 1 and bool((value == value[:1]).all())
    return value[:1].clone() if alike else value


def _period(fan: Tensor, batch: int) -> Tensor:
    """Return `fan`, flat, as short as it can be: one number, or those of one sample where all samples are alike."""
    flat = fan.reshape(-1)
    if flat.numel() and bool((flat == flat[0]).all()):
        return flat[:1].clone()
    if flat.numel() % batch == 0:
        rows = flat.reshape(batch, -1)
        if bool((rows == rows[0]).all()):
            return rows[0].clone()
    return flat.clone()


def _add_pattern(patterns: list[Pattern], name: str, fan: Tensor) -> None:
    top = float(fan.max()) if fan.numel() else 0.0
    if not top:
        return
    for pattern in patterns:
        scale = top / float(pattern.fan.max())
        if pattern.fan.shape == fan.shape and torch.equal(pattern.fan * scale, fan):
            pattern.layers.append((name, scale))
            return
    patterns.append(Pattern(fan, [(name, 1.0)]))
