"""Computes the trip count of a Loop by nodes outside of it, from the counters that its condition compares.

Loop(n, true, c = a) { c' = c + s; go on while c' < limit }  ->  min(n, 1 + max(0, ceil((limit - a - s) / s)))
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.passes.recurrence.unroll_loops import MOST, Scope
from onnx2snn.passes.rewriting.node_builder import NodeBuilder, attributes_of
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ir.operators import facts


@dataclass
class _Body:
    """The body of a loop as its condition sees it."""

    node: onnx.NodeProto
    graph: onnx.GraphProto
    scope: Scope

    def maker(self, name: str) -> onnx.NodeProto | None:
        """Return the node of the body that makes `name`, behind operators that pass a number on."""
        for node in self.graph.node:
            if name in node.output:
                return self.maker(node.input[0]) or node if _passes_on(node) else node
        return None

    def origin(self, name: str) -> str:
        """Return the name that `name` passes on."""
        for node in self.graph.node:
            if name in node.output and _passes_on(node):
                return self.origin(node.input[0])
        return name

    def constant(self, name: str) -> float | None:
        """Return a number that is known, inside or outside of the body."""
        origin = self.origin(name)
        inner = {tensor.name: tensor for tensor in self.graph.initializer}
        value = numpy_helper.to_array(inner[origin]) if origin in inner else self.scope.constants.get(origin)
        maker = self.maker(origin)
        if value is None and maker is not None and maker.op_type == "Constant":
            value = numpy_helper.to_array(attributes_of(maker)["value"]) if "value" in attributes_of(maker) else None
        return None if value is None or value.size != 1 else float(value.reshape(-1)[0])


def _passes_on(node: onnx.NodeProto) -> bool:
    """Return whether a node hands a number on: it has one operand, and no other number to choose."""
    held = facts(node.op_type, node.domain)
    return held.copies and held.affine in ("t", "tc") and not node.op_type.startswith(("Gather", "Compress"))


def trips(node: onnx.NodeProto, graph: onnx.GraphProto, build: NodeBuilder, scope: Scope) -> str:
    """Return the name of the number of repetitions, an integer of no dimension.

    A condition that does not compare counters with limits from outside raises UnsupportedError.
    """
    body = _Body(node, graph, scope)
    limits = _limits(graph.output[0].name, body)
    empty = build.constant(np.array([], np.int64), "scalar")
    names = [name for name in (*node.input[:2], *(limit for limit, *_ in limits or [])) if isinstance(name, str)]
    if limits is None or not (node.input[0] or limits) or scope.by_values.intersection(names):
        raise UnsupportedError(
            f"the Loop node {node.name or node.output[0]!r} repeats as often as the input says: export with a fixed "
            "number of repetitions"
        )
    _check_bounds(node, limits, scope)
    counts = [build.add("Reshape", build.add("Cast", node.input[0], to=7), empty)] if node.input[0] else []
    for limit, base, step in limits:
        if isinstance(limit, float):
            far = build.constant(np.array(limit, np.float64), "limit")
        else:
            far = build.add("Reshape", build.add("Cast", limit, to=onnx.TensorProto.DOUBLE), empty)
        over = build.add("Sub", far, build.constant(np.array(base, np.float64), "base"))
        more = build.add("Ceil", build.add("Div", over, build.constant(np.array(step, np.float64), "step")))
        zero, one = build.constant(np.array(0, np.int64), "zero"), build.constant(np.array(1, np.int64), "one")
        counts.append(build.add("Add", build.add("Max", build.add("Cast", more, to=7), zero), one))
    count = counts[0] if len(counts) == 1 else build.add("Min", *counts)
    if len(node.input) > 1 and node.input[1] and not np.all(scope.constants.get(node.input[1], False)):
        count = build.add("Mul", count, build.add("Reshape", build.add("Cast", node.input[1], to=7), empty))
    return str(count)


def _check_bounds(node: onnx.NodeProto, limits: list[tuple[str | float, float, float]], scope: Scope) -> None:
    """Raise UnsupportedError for a number of repetitions that is known, and none or too many."""
    most = scope.constants.get(node.input[0]) if node.input[0] else None
    known = [] if most is None else [float(most.reshape(-1)[0])]
    for limit, base, step in limits:
        value = limit if isinstance(limit, float) else scope.constants.get(limit)
        if value is not None:
            known.append(1 + max(0.0, -((base - float(np.reshape(value, -1)[0])) // step)))
    if known and min(known) < 1:
        raise UnsupportedError(f"the Loop node {node.name or node.output[0]!r} never runs, and yet has results")
    if len(known) == len(limits) + bool(node.input[0]) and min(known) > MOST:
        raise UnsupportedError(f"the Loop node {node.name or node.output[0]!r} repeats more than {MOST} times")


def _limits(name: str, body: _Body) -> list[tuple[str | float, float, float]] | None:
    """Return (limit, base, step) of every comparison base + j step < limit in the condition after iteration j.

    A condition that stays true has none; one that is made of anything else gives None.
    """
    origin = body.origin(name)
    if origin == body.graph.input[1].name or body.constant(origin) == 1.0:
        return []
    maker = body.maker(origin)
    if maker is not None and maker.op_type == "And":
        sides = [_limits(each, body) for each in maker.input]
        return None if None in sides else [each for side in sides for each in side or []]
    if maker is None or maker.op_type not in ("Less", "Greater"):
        return None
    smaller, larger = maker.input if maker.op_type == "Less" else maker.input[::-1]
    counted, limit = _counter(body.origin(smaller), body), _outside(body.origin(larger), body)
    return None if counted is None or limit is None else [(limit, *counted)]


def _counter(name: str, body: _Body) -> tuple[float, float] | None:
    """Return (base, step) of a value base + j step at iteration j, None where `name` is none."""
    inputs = [value.name for value in body.graph.input]
    if name == inputs[0]:
        return 0.0, 1.0
    maker, states = body.maker(name), inputs[2:]
    for index, state in enumerate(states):
        after = body.origin(body.graph.output[1 + index].name)
        adds = body.maker(after)
        if adds is None or adds.op_type != "Add" or state not in map(body.origin, adds.input):
            continue
        other = next(each for each in adds.input if body.origin(each) != state)
        step, start = body.constant(other), body.scope.constants.get(body.node.input[2 + index])
        if step is None or step <= 0 or start is None or start.size != 1:
            continue
        if name == state:
            return float(start.reshape(-1)[0]), step
        if maker is adds:
            return float(start.reshape(-1)[0]) + step, step
    return None


def _outside(name: str, body: _Body) -> str | float | None:
    """Return the number that `name` is, or the value from outside; None where it is made inside.

    A state that never changes is its first value.
    """
    known = body.constant(name)
    if known is not None:
        return known
    inputs = [value.name for value in body.graph.input]
    if name in inputs[2:]:
        index = inputs.index(name) - 2
        return body.node.input[2 + index] if body.origin(body.graph.output[1 + index].name) == name else None
    made = {output for node in body.graph.node for output in node.output} | set(inputs)
    return None if name in made else name
