"""Marks of a recurrence that stays rolled: between opening and closing its body lies flat in the graph, once.

    ys, hT = Scan(h0, xs) { body }
    ->  h = Carried(h0);  x = Position(xs);  body;  hT, ys = Exit(length, x, h, h', y)

The flat graph is the network of one position, so that every pass sees the body as it sees other nodes. Each mark is a
function of its own domain, by which onnxruntime and shape inference know it: Carried is its operand, Position the first
one of a sequence, Exit gives its operands and repeats of them. The attribute `recurrence` names the recurrence.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from onnx import helper

from onnx2snn.passes.rewriting.node_builder import NodeBuilder

MARKS = "onnx2snn.recurrence"


@dataclass
class Marker:
    """Writes the marks of a recurrence with `build`, and their functions; `number` tells recurrences apart."""

    label: str
    number: int
    build: NodeBuilder
    opsets: Sequence[onnx.OperatorSetIdProto]
    functions: list[onnx.FunctionProto] = field(default_factory=list)

    def carried(self, initial: str) -> str:
        """Return the state at a position; before the first one it is `initial`."""
        self._function("Carried", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])])
        return self._mark("Carried", [initial], 1)[0]

    def position(self, sequence: str, axis: int = 0, backwards: bool = False) -> str:
        """Return the value of `sequence` at a position, which is counted along `axis`."""
        nodes = [
            helper.make_node("Constant", [], ["first"], value_int=0),
            helper.make_node("Gather", ["x", "first"], ["y"], axis=axis),
        ]
        op = f"Position_{'m' if axis < 0 else ''}{abs(axis)}"
        self._function(op, ["x"], ["y"], nodes)
        return self._mark(op, [sequence], 1, axis=axis, backwards=int(backwards))[0]

    def exit(
        self,
        length: str,
        anchor: str,
        states: Sequence[tuple[str, str]],
        stacked: Sequence[str],
        axes: Sequence[int],
        turned: Sequence[bool],
    ) -> list[str]:
        """Return the last states, and the values at all `length` positions stacked along an axis each.

        `states` pairs what `carried` gave with the new value; `anchor`, a value at a position, stays though unused.
        """
        given = [f"{kind}{i}" for kind in "cs" for i in range(len(states))] + [f"x{i}" for i in range(len(stacked))]
        nodes = [helper.make_node("Identity", [f"s{i}"], [f"last{i}"]) for i in range(len(states))]
        nodes += [
            helper.make_node("Constant", [], ["one"], value_ints=[1]),
            helper.make_node("Reshape", ["length", "one"], ["size"]),
            helper.make_node("ConstantOfShape", ["size"], ["floats"]),
            helper.make_node("Cast", ["floats"], ["zeros"], to=onnx.TensorProto.INT64),
        ]
        for i, axis in enumerate(axes):
            nodes += [
                helper.make_node("Constant", [], [f"axes{i}"], value_ints=[axis]),
                helper.make_node("Unsqueeze", [f"x{i}", f"axes{i}"], [f"u{i}"]),
                helper.make_node("Gather", [f"u{i}", "zeros"], [f"y{i}"], axis=axis),
            ]
        results = [*(f"last{i}" for i in range(len(states))), *(f"y{i}" for i in range(len(stacked)))]
        op = f"Exit_{self.number}"
        self._function(op, ["length", "anchor", *given], results, nodes)
        kept = {"states": len(states), "axes": [*axes, 0], "turned": [*map(int, turned), 0]}  # empty lists get lost
        before, after = ([pair[i] for pair in states] for i in (0, 1))
        return self._mark(op, [length, anchor, *before, *after, *stacked], len(results), **kept)

    def _mark(self, op: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        names = [self.build.name(op) for _ in range(outputs)]
        attributes |= {"recurrence": self.number, "label": self.label}
        node = helper.make_node(op, list(inputs), names, name=names[0], domain=MARKS, **attributes)
        self.build.nodes.append(node)
        return names

    def _function(self, op: str, inputs: list[str], outputs: list[str], nodes: list[onnx.NodeProto]) -> None:
        if op not in {function.name for function in self.functions}:
            self.functions.append(helper.make_function(MARKS, op, inputs, outputs, nodes, list(self.opsets)))


def is_mark(node: onnx.NodeProto, kind: str = "") -> bool:
    """Return whether `node` is a mark, of the `kind` Carried, Position or Exit where one is given."""
    return bool(node.domain == MARKS and node.op_type.startswith(kind))
