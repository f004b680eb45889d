"""Execution plans of the executor `layer`: the calls of a chunk, with constant arguments bound.

Once the input shapes are known, every argument of a call that does not vary over time can be bound, and so can the
strategy by which the call is mapped over time; a run then fetches the time-varying arguments only. The first run of
some shapes makes the plan, `ShapeCache` caches it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from onnx2snn_runtime.execution.functions import Bound, bind_function
from onnx2snn_runtime.execution.over_time import Strategy, find_strategy
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.kernels.base import Clamp
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind_outputs, compute, fetch
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


@dataclass
class BoundCall:
    """A call with bound arguments.

    fixed        its arguments, None at the open inputs
    open_inputs  index and name of the arguments that are fetched from the frame
    flags        whether each argument varies over time
    strategies   how the call is mapped over time, by the numbers of rows of its time-varying arguments
    """

    item: Call
    fixed: list[Any]
    open_inputs: list[tuple[int, str]]
    flags: list[bool]
    strategies: dict[tuple[int, ...], Strategy] = field(default_factory=dict)

    def run(self, frame: Frame) -> None:
        """Compute the call over the chunk and bind its outputs in `frame`."""
        arguments = self.fixed.copy()
        for index, name in self.open_inputs:
            arguments[index] = frame.get(name, self.item.wide)
        rows = tuple([arguments[index].size(0) for index, _ in self.open_inputs if self.flags[index]])
        strategy = self.strategies.get(rows)
        if strategy is None:
            strategy = self.strategies[rows] = self._find_strategy(arguments)
        bind_outputs(self.item, frame, strategy(arguments))

    def _find_strategy(self, arguments: Sequence[Any]) -> Strategy:
        if any(self.flags):
            return find_strategy(self.item, arguments, self.flags)
        return lambda given: compute(self.item, given)


@dataclass
class BoundBody:
    """The bound calls of a population's function, without a last clip, which is `clamp`; `result` is their output."""

    formal: tuple[str, ...]
    calls: list[BoundCall]
    result: str
    clamp: Clamp | None

    def target(self, values: Sequence[Tensor], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Return the target over the chunk, given the `values` of the sources and then of the constants."""
        frame = Frame(dtype, device, dict(zip(self.formal, values, strict=True)))
        if not self.calls:  # in the type that it has: kernels read half precision
            value: Tensor = frame.values[self.result]
            return value
        for bound in self.calls:
            bound.run(frame)
        target: Tensor = frame.get(self.result)
        return target


class PlanStep(NamedTuple):
    """One step of a plan: a call or a population, bound where possible, and the values to release after it.

    `function` is that of a population for a kernel. `spare` are its sources that nobody else reads, by index: estimates
    may be written over them. `flags` say which of its sources vary over time.
    """

    item: Call | Population
    call: BoundCall | None
    body: BoundBody | None
    released: tuple[str, ...]
    function: Bound | None = None
    spare: tuple[int, ...] = ()
    flags: tuple[bool, ...] = ()


def generic_plan(program: Program, frame: Frame) -> list[PlanStep]:
    """Return the plan for unknown shapes: everything that a chunk computes, without bound arguments."""
    fresh, steps = _fresh(program), list[PlanStep]()
    for item, released in zip(program.loop, program.releases, strict=True):
        if isinstance(item, Population):
            steps.append(_population(item, program, frame, released, fresh))
        else:
            steps.append(PlanStep(item, None, None, released))
    return steps


def _population(
    item: Population,
    program: Program,
    frame: Frame,
    released: tuple[str, ...],
    fresh: frozenset[str],
    body: BoundBody | None = None,
) -> PlanStep:
    spare = tuple(i for i, name in enumerate(item.sources) if name in released and name in fresh)
    flags = tuple(name in program.varying for name in item.sources)
    return PlanStep(item, None, body, released, bind_function(item, program, frame), spare, flags)


def bound_plan(program: Program, frame: Frame) -> list[PlanStep]:
    """Return the plan for the shapes in `frame`, which holds every value that depends on shapes only."""
    cache, steps = program.shapes, list[PlanStep]()
    known, fresh = frozenset(program.constants) | cache.names, _fresh(program)
    for item, released in zip(program.loop, program.releases, strict=True):
        if isinstance(item, Population):
            data_dependent = cache.data_dependent.intersection((*item.sources, item.output))
            body = None if data_dependent or program.compile_regions else _bind_body(item, program, frame, known)
            steps.append(_population(item, program, frame, released, fresh, body))
        elif item.outputs[0] not in cache.names:
            varies = any(name in program.varying for name in item.outputs) and any(item.varying)
            data_dependent = cache.data_dependent.intersection((*item.inputs, *item.outputs))
            bound = _bind_call(item, list(item.varying), frame, known) if varies and not data_dependent else None
            steps.append(PlanStep(item, bound, None, released))
    return steps


def _fresh(program: Program) -> frozenset[str]:
    """Return the values that one item alone reads, and that lie in memory of their own."""
    readers = Counter[str]()
    for item in program.loop:
        readers.update(set(item.sources if isinstance(item, Population) else item.inputs))
    calls = [item for item in program.loop if isinstance(item, Call)]
    made = [call.outputs[0] for call in calls if facts(call.op_type, call.operator.domain).own_memory]
    return frozenset(name for name in made if readers[name] == 1)


def _bind_call(item: Call, flags: list[bool], frame: Frame, known: frozenset[str]) -> BoundCall | None:
    """Return `item` with the arguments in `known` bound, or None if an argument it needs as a number is unknown."""
    fixed: list[Any] = []
    open_inputs: list[tuple[int, str]] = []
    for index, name in enumerate(item.inputs):
        value = fetch(item, frame, index) if not name or name in known else None
        is_number = index in item.operator.ints | item.operator.scalars
        converted = isinstance(value, Tensor) and value is not frame.values[name]
        if name and (name not in known or (converted and not is_number)):
            if is_number:
                return None
            open_inputs.append((index, name))
            value = None
        fixed.append(value)
    return BoundCall(item, fixed, open_inputs, flags)


def _bind_body(item: Population, program: Program, frame: Frame, known: frozenset[str]) -> BoundBody | None:
    # a clip whose bounds are inputs of the model stays in the body: the bounds may differ in the next run
    clamped = item.clamped(frame) if known.issuperset(item.constants) else None
    body, result, clamp = clamped or (item.body, item.result, None)
    count = len(item.sources)
    inner = Frame(program.wide, program.device, host=item.host_constants(frame))
    bound_names = dict(zip(item.formal[count:], item.constants, strict=True))
    inner.values.update((formal, frame.values[name]) for formal, name in bound_names.items())
    known_names = frozenset(formal for formal, name in bound_names.items() if name in known)
    varying = {formal for formal, name in zip(item.formal, item.sources, strict=False) if name in program.varying}
    calls: list[BoundCall] = []
    for call in body:
        flags = [name in varying for name in call.inputs]
        bound = _bind_call(call, flags, inner, known_names)
        if bound is None:
            return None
        varying.update(call.outputs if any(flags) else ())
        calls.append(bound)
    return BoundBody(item.formal, calls, result, clamp)
