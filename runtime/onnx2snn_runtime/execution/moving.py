"""A program for a chunk of frames: what depends on moving inputs is computed over time, as the rest is."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.program.lifetimes import read_later, releases
from onnx2snn_runtime.program.population import Population
from onnx2snn_runtime.program.program import Program
from onnx2snn_runtime.program.shapes import ShapeCache, shaped_values

_KNOWN: "WeakKeyDictionary[Program, tuple[int, dict[frozenset[str], Program]]]" = WeakKeyDictionary()


def moving_program(program: Program, inputs: Iterable[str]) -> Program:
    """Return `program` for `inputs` that are [frames, ...]; it shares the weights, and is made once for a version."""
    version, known = _KNOWN.get(program, (-1, {}))
    if version != program.version:
        known = {}
        _KNOWN[program] = program.version, known
    names = frozenset(inputs)
    if names not in known:
        known[names] = _made(program, names)
    return known[names]


def _made(program: Program, inputs: frozenset[str]) -> Program:
    moving, late = set(inputs), set(inputs)
    prologue: list[Call] = []
    loop: list[Call | Population] = []
    for item in (*program.prologue, *program.loop):
        in_prologue = len(prologue) + len(loop) < len(program.prologue)
        if isinstance(item, Call):
            given = late.intersection(item.inputs)
            if given:
                late.update(item.outputs)
                if moving.intersection(item.inputs) and not facts(item.op_type, item.operator.domain).shape_only:
                    moving.update(name for name in item.outputs if name)
            if in_prologue and not given:
                prologue.append(item)
                continue
            flags = item.varying or (False,) * len(item.inputs)
            loop.append(replace(item, varying=tuple(f or n in moving for n, f in zip(item.inputs, flags, strict=True))))
        else:
            loop.append(_with_moving_constants(item, moving))
    varying = program.varying | moving
    names = frozenset(port.name for port in program.outputs)
    made: Any = object.__new__(type(program))
    made.__dict__.update(program.__dict__)
    made.__dict__.update(
        prologue=prologue,
        loop=loop,
        populations=[item for item in loop if isinstance(item, Population)],
        varying=varying,
        releases=releases(loop, read_later(program.tail, program.readout, names), varying),
        shapes=ShapeCache(*shaped_values((*prologue, *loop), program.constants)),
    )
    result: Program = made
    return result


def _with_moving_constants(item: Population, moving: set[str]) -> Population:
    """Return `item` with those of its constants that move among its sources."""
    count = len(item.sources)
    pairs = list(zip(item.constants, item.formal[count:], strict=True))
    moved = [pair for pair in pairs if pair[0] in moving]
    if not moved:
        return item
    still = [pair for pair in pairs if pair[0] not in moving]
    formal = (*item.formal[:count], *(name for _, name in (*moved, *still)))
    sources = (*item.sources, *(name for name, _ in moved))
    return replace(item, sources=sources, constants=tuple(name for name, _ in still), formal=formal)
