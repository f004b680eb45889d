"""Rolled programs: the network at given lengths, and the lengths that inputs ask for.

A program with rolled recurrences does not run itself. `unrolled` gives the program of the same weights in which every
position of a sequence is written out; the lengths are found by computing the plain network for one sample.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import torch

from onnx2snn_runtime.errors import InputError
from onnx2snn_runtime.ir.recurrence import body_of, is_rolled, key_of, recurrences, wiring_of
from onnx2snn_runtime.ir.recurrence import unrolled as unrolled_model
from onnx2snn_runtime.ir.schema import functions_of, is_neuron
from onnx2snn_runtime.program.interpreter import Call, Frame, Tensor, bind, call
from onnx2snn_runtime.program.population import Population, bind_population
from onnx2snn_runtime.program.program import Program

KEPT = 8
"""So many lengths have a program at a time."""


@torch.no_grad()
def unrolled(program: Program, sample: Mapping[str, Tensor]) -> Program:
    """Return the program that runs inputs of the shapes of `sample`, its own where it holds no recurrence.

    `sample` is one sample, or one fixed batch, on the program's device. An empty sequence raises InputError.
    """
    if program.rolled is None:
        return program
    key = tuple(sorted(lengths(program, sample).items()))
    if key not in program.unrolled:
        while len(program.unrolled) >= KEPT:
            program.unrolled.pop(next(iter(program.unrolled)))
        program.unrolled[key] = _written_out(program, program.rolled, dict(key))
    made = program.unrolled[key]
    made.defaults = program.defaults
    return made


@torch.no_grad()
def lengths(program: Program, sample: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the number of positions of every recurrence of a rolled `program` for inputs of the shapes of `sample`."""
    shapes = tuple((name, tuple(value.shape)) for name, value in sorted(sample.items()))
    if shapes not in program.lengths and program.rolled is not None:
        program.lengths[shapes] = _Plain(program, program.rolled).lengths(sample)
    found: dict[str, int] = program.lengths[shapes]
    return found


def _written_out(program: Program, model: onnx.ModelProto, lengths: Mapping[str, int]) -> Program:
    found = unrolled_model(model, lengths, weights=False)
    made = Program(found.model, program.where, parent=program)
    made.groups = found.names
    for item in program.populations:  # one object for all positions: what is made of it is made once
        made.set_attributes(item.name, item.attributes)
    made.compile_regions = program.compile_regions
    return made


@torch.no_grad()
def initial_states(program: Program, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the values that the recurrences of a rolled `program` start from for `inputs`, by name."""
    if program.rolled is None:
        return {}
    plain = _Plain(program, program.rolled)
    plain.lengths(inputs)
    carried = [each for node in recurrences(program.rolled.graph) for each in wiring_of(node).carried]
    return {initial: plain.frame.values[initial] for _, _, initial, _ in carried}


class _Plain:
    """Computes the plain network, a neuron its function, as far as the last recurrence."""

    def __init__(self, program: Program, model: onnx.ModelProto) -> None:
        self.program = program
        self.model = model
        self.opsets = {("" if o.domain == "ai.onnx" else o.domain): o.version for o in model.opset_import}
        self.functions = functions_of(model)
        self.bound: dict[str, Call | Population] = {}
        self.found: dict[str, int] = {}
        self.frame = program.frame()

    def lengths(self, inputs: Mapping[str, Tensor]) -> dict[str, int]:
        """Return the number of positions of every recurrence, see `key_of`."""
        frame = self.frame
        for name, value in inputs.items():
            frame.set(name, value)
        wanted = len(recurrences(self.model.graph))
        for node in self.model.graph.node:
            self._compute(node, frame, last=len(self.found) == wanted - 1)
            if len(self.found) == wanted:
                break
        return self.found

    def _compute(self, node: onnx.NodeProto, frame: Frame, last: bool = False) -> None:
        if is_rolled(node):
            self._scan(node, frame, last)
            return
        item = self._bind(node)
        if isinstance(item, Call):
            call(item, frame)
            return
        values = [frame.values[name] for name in (*item.sources, *item.constants)]
        sources, constants = values[: len(item.sources)], values[len(item.sources) :]
        frame.set(item.output, item.target(sources, constants, self.program.wide, item.host_constants(frame)))

    def _bind(self, node: onnx.NodeProto) -> Call | Population:
        key = node.output[0]
        if key not in self.bound:
            where = self.program.where
            neuron = is_neuron(node)
            self.bound[key] = (
                bind_population(node, self.functions[node.op_type], self.opsets, where)
                if neuron
                else bind(node, self.opsets, frozenset(), where)
            )
        return self.bound[key]

    def _scan(self, node: onnx.NodeProto, frame: Frame, last: bool) -> None:
        wiring, body = wiring_of(node), body_of(node)
        sizes = {name: frame.values[outer].shape[axis] for name, outer, axis, _ in wiring.scanned}
        self.found[key_of(node)] = length = next(iter(sizes.values()))
        if length == 0:
            raise InputError(
                f"the sequence that {node.name or key_of(node)!r} reads is empty: give one position or more"
            )
        if last:
            return
        for inner, _, initial, _ in wiring.carried:
            frame.set(inner, frame.values[initial])
        stacked: list[list[Tensor]] = [[] for _ in wiring.stacked]
        for position in range(length):
            for inner, outer, axis, backwards in wiring.scanned:
                frame.set(inner, frame.values[outer].select(axis, length - 1 - position if backwards else position))
            for each in body.node:
                self._compute(each, frame)
            state = [frame.values[new] for _, new, _, _ in wiring.carried]
            for values, (inner, *_) in zip(stacked, wiring.stacked, strict=True):
                values.append(frame.values[inner])
            for (inner, *_), value in zip(wiring.carried, state, strict=True):
                frame.set(inner, value)
        _finish(frame, wiring.carried, wiring.stacked, stacked)


def _finish(frame: Frame, carried: Sequence[Any], places: Sequence[Any], stacked: Sequence[Sequence[Tensor]]) -> None:
    """Bind the outputs of a recurrence: last states, and values stacked over the positions."""
    for inner, _, _, outer in carried:
        frame.set(outer, frame.values[inner])
    for values, (_, outer, axis, backwards) in zip(stacked, places, strict=True):
        frame.set(outer, torch.stack(list(values)[:: -1 if backwards else 1], axis))
