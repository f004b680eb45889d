"""A run whose shapes are known: the arguments of every call that do not move are at hand, and how it maps over time.

What is left to do for a call is to fetch what moves. Made by the first run of these shapes, kept in `ShapeMemory`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from onnx2snn_runtime.execution.over_time import Way, find_way
from onnx2snn_runtime.kernels.base import Clamp
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind_outputs, compute, fetch
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program


@dataclass
class Prepared:
    """A call: `fixed` are its arguments, None at the `holes`, which are fetched by name; `flags` says which vary."""

    item: Call
    fixed: list[Any]
    holes: list[tuple[int, str]]
    flags: list[bool]
    ways: dict[tuple[int, ...], Way] = field(default_factory=dict)

    def run(self, frame: Frame) -> None:
        """Compute the call over the chunk and bind its outputs in `frame`."""
        arguments = self.fixed.copy()
        for index, name in self.holes:
            arguments[index] = frame.get(name, self.item.wide)
        rows = tuple([len(arguments[index]) for index, _ in self.holes if self.flags[index]])
        way = self.ways.get(rows)
        if way is None:
            way = self.ways[rows] = self._way(arguments)
        bind_outputs(self.item, frame, way(arguments))

    def _way(self, arguments: Sequence[Any]) -> Way:
        if any(self.flags):
            return find_way(self.item, arguments, self.flags)
        return lambda given: compute(self.item, given)


@dataclass
class PreparedBody:
    """What a population computes before its last clip, if it has one; `result` is the name of it."""

    formal: tuple[str, ...]
    calls: list[Prepared]
    result: str
    clamp: Clamp | None

    def target(self, values: Sequence[Tensor], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Return the target over the chunk for `values` of the sources, then of the constants."""
        frame = Frame(dtype, device, dict(zip(self.formal, values, strict=True)))
        if not self.calls:  # in the type that it has: kernels read halves
            value: Tensor = frame.values[self.result]
            return value
        for prepared in self.calls:
            prepared.run(frame)
        target: Tensor = frame.get(self.result)
        return target


class Stop(NamedTuple):
    """A call or a population on the way, prepared where that is possible; nothing needs the values `gone` after it."""

    item: Call | Population
    call: Prepared | None
    body: PreparedBody | None
    gone: tuple[str, ...]


def plain_route(program: Program) -> list[Stop]:
    """Return all that a chunk computes, nothing of it prepared."""
    return [Stop(item, None, None, gone) for item, gone in zip(program.loop, program.releases, strict=True)]


def prepared_route(program: Program, frame: Frame) -> list[Stop]:
    """Return what is left to compute where `frame` holds all that hangs on shapes alone."""
    memory, stops = program.shapes, list[Stop]()
    known = frozenset(program.constants) | memory.names
    for item, gone in zip(program.loop, program.releases, strict=True):
        if isinstance(item, Population):
            loose = memory.loose.intersection((*item.sources, item.output))
            body = None if loose or program.compile_regions else _body(item, program, frame, known)
            stops.append(Stop(item, None, body, gone))
        elif item.outputs[0] not in memory.names:
            moving = any(name in program.varying for name in item.outputs) and any(item.varying)
            loose = memory.loose.intersection((*item.inputs, *item.outputs))
            ready = _prepare(item, list(item.varying), frame, known) if moving and not loose else None
            stops.append(Stop(item, ready, None, gone))
    return stops


def _prepare(item: Call, flags: list[bool], frame: Frame, known: frozenset[str]) -> Prepared | None:
    """Return `item` with the arguments named in `known` at hand; None where a number that it wants is not."""
    fixed: list[Any] = []
    holes: list[tuple[int, str]] = []
    for index, name in enumerate(item.inputs):
        value = fetch(item, frame, index) if not name or name in known else None
        is_number = index in item.operator.ints | item.operator.scalars
        converted = isinstance(value, Tensor) and value is not frame.values[name]
        if name and (name not in known or (converted and not is_number)):
            if is_number:
                return None
            holes.append((index, name))
            value = None
        fixed.append(value)
    return Prepared(item, fixed, holes, flags)


def _body(item: Population, program: Program, frame: Frame, known: frozenset[str]) -> PreparedBody | None:
    # bounds that come with the input are no bounds to keep
    clamped = item.clamped(frame) if known.issuperset(item.constants) else None
    body, result, clamp = clamped or (item.body, item.result, None)
    count = len(item.sources)
    inner = Frame(program.wide, program.device, host=item.listed(frame))
    held = dict(zip(item.formal[count:], item.constants, strict=True))
    inner.values.update((formal, frame.values[name]) for formal, name in held.items())
    at_hand = frozenset(formal for formal, name in held.items() if name in known)
    moving = {formal for formal, name in zip(item.formal, item.sources, strict=False) if name in program.varying}
    calls: list[Prepared] = []
    for call in body:
        flags = [name in moving for name in call.inputs]
        prepared = _prepare(call, flags, inner, at_hand)
        if prepared is None:
            return None
        moving.update(call.outputs if any(flags) else ())
        calls.append(prepared)
    return PreparedBody(item.formal, calls, result, clamp)
