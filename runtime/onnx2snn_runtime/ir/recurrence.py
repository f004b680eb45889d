"""Recurrences that the IR keeps rolled: Scan nodes whose body holds synapses and neurons once.

As a plain network such a node is ONNX's own; as a spiking network it means the unrolled one: at every time step each
position of the sequence sees this time step's spikes of the position before, and keeps its own estimates. `unrolled`
writes that network for a given number of positions, all of which share the weights and parameters of the body.

    h, ys = Scan(h0, xs) { h' = SpikingTanh(x + h R) }
    ->  h@0 = SpikingTanh(xs[0] + h0 R);  h@1 = SpikingTanh(xs[1] + h@0 R);  ...;  ys = [h@0, h@1, ...]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.schema import is_neuron


def is_rolled(node: onnx.NodeProto) -> bool:
    """Return whether `node` is a recurrence that is kept rolled: a Scan."""
    return bool(node.op_type == "Scan" and node.domain in ("", "ai.onnx"))


def body_of(node: onnx.NodeProto) -> onnx.GraphProto:
    """Return the body of a rolled recurrence."""
    return next((a.g for a in node.attribute if a.name == "body"), onnx.GraphProto())


def key_of(node: onnx.NodeProto) -> str:
    """Return what tells a recurrence from all others of its graph: its first output, as nodes need no names."""
    return next(filter(None, node.output), str(node.name))


def recurrences(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Return the rolled recurrences of `graph`, in order."""
    return [node for node in graph.node if is_rolled(node)]


def neurons_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the neuron nodes of `graph`, those inside rolled recurrences too, in order of execution."""
    for node in graph.node:
        if is_neuron(node):
            yield node
        elif is_rolled(node):
            yield from neurons_of(body_of(node))


@dataclass(frozen=True)
class Wiring:
    """Which values of a body are carried from one position to the next, which are scanned and which are stacked.

    carried  (name in the body, its new value there, initial value outside, last value outside)
    scanned  (name in the body, sequence outside, axis of its positions, whether it is read from the end)
    stacked  (name in the body, sequence outside, axis of its positions, whether it is written from the end)
    """

    carried: list[tuple[str, str, str, str]]
    scanned: list[tuple[str, str, int, bool]]
    stacked: list[tuple[str, str, int, bool]]


def wiring_of(node: onnx.NodeProto) -> Wiring:
    """Return how the body of a rolled recurrence is wired; one that does not fit its node raises ModelError."""
    body, held = body_of(node), {a.name: helper.get_attribute_value(a) for a in node.attribute if a.name != "body"}
    scans = int(held.get("num_scan_inputs", 0))
    states = len(node.input) - scans
    stacks = len(node.output) - states
    fits = len(body.input) == len(node.input) and len(body.output) == len(node.output)
    if not fits or scans < 1 or min(states, stacks) < 0:
        raise ModelError(
            f"the body of the Scan node {node.name or key_of(node)!r} does not fit its inputs and outputs: "
            "convert again"
        )
    axes, turned = (list(held.get(f"scan_input_{k}", [0] * scans)) for k in ("axes", "directions"))
    out_axes, out_turned = (list(held.get(f"scan_output_{k}", [0] * stacks)) for k in ("axes", "directions"))
    inner, made = [v.name for v in body.input], [v.name for v in body.output]
    return Wiring(
        list(zip(inner[:states], made[:states], node.input[:states], node.output[:states], strict=True)),
        list(zip(inner[states:], node.input[states:], axes, map(bool, turned), strict=True)),
        list(zip(made[states:], node.output[states:], out_axes, map(bool, out_turned), strict=True)),
    )


def expose(graph: onnx.GraphProto, names: Sequence[str]) -> None:
    """Make those of the values `names` that lie inside of recurrences values of `graph`: [positions, ...]."""
    for node in recurrences(graph):
        body = body_of(node)
        wanted = [name for inner in body.node for name in inner.output if name in names]
        already = {value.name for value in body.output}
        for name in wanted:
            inside = name
            if name in already:
                inside = f"{name}@exposed"
                body.node.append(helper.make_node("Identity", [name], [inside]))
            body.output.append(helper.make_empty_tensor_value_info(inside))
            node.output.append(name)
        for attribute in node.attribute:
            if attribute.name in ("scan_output_axes", "scan_output_directions"):
                attribute.ints.extend([0] * len(wanted))


def at_position(name: str, position: int) -> str:
    """Return what a value or a population of a body is called at a position, counted from 0."""
    return f"{name}@{position}"


@dataclass
class Unrolled:
    """The network of a rolled one at given lengths; `names` maps names of its nodes to those in the body."""

    model: onnx.ModelProto
    names: dict[str, str] = field(default_factory=dict)


def unrolled(model: onnx.ModelProto, lengths: Mapping[str, int], *, weights: bool = True) -> Unrolled:
    """Return the IR `model` with every recurrence written out over as many positions as `lengths` gives, see `key_of`.

    Without `weights` the initializers of the model are left out, for a caller that holds them already.
    """
    made = onnx.ModelProto()
    made.ir_version = model.ir_version
    made.opset_import.extend(model.opset_import)
    made.functions.extend(model.functions)
    made.metadata_props.extend(model.metadata_props)
    made.graph.name = model.graph.name
    made.graph.input.extend(model.graph.input)
    made.graph.output.extend(model.graph.output)
    if weights:
        made.graph.initializer.extend(model.graph.initializer)
    writer = _Writer(made.graph)
    for node in model.graph.node:
        if is_rolled(node):
            writer.unroll(node, lengths[key_of(node)])
        else:
            made.graph.node.append(node)
    made.graph.initializer.extend(writer.constants.values())
    return Unrolled(made, writer.names)


def one_position(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the IR `model` with every recurrence written out once, its values under the names in the body.

    Where there is any the shapes are not known any more.
    """
    rolled = recurrences(model.graph)
    if not rolled:
        return model
    made = unrolled(model, {key_of(node): 1 for node in rolled}).model
    last = at_position("", 0)
    for node in made.graph.node:
        node.name = node.name.removesuffix(last)
        for names in (node.input, node.output):
            names[:] = [name.removesuffix(last) for name in names]
    return made


class _Writer:
    """Appends the nodes of recurrences, position by position, to `graph`."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants: dict[str, onnx.TensorProto] = {}
        self.names: dict[str, str] = {}

    def unroll(self, node: onnx.NodeProto, length: int) -> None:
        """Append the nodes of all positions of a recurrence, and those that make its outputs."""
        wiring, body = wiring_of(node), body_of(node)
        state = [initial for _, _, initial, _ in wiring.carried]
        stacked: list[list[str]] = [[] for _ in wiring.stacked]
        for position in range(length):
            names = {inner: value for (inner, *_), value in zip(wiring.carried, state, strict=True)}
            for inner, sequence, axis, backwards in wiring.scanned:
                index = length - 1 - position if backwards else position
                names[inner] = f"{key_of(node)}/{at_position(inner, position)}"
                self.add("Gather", [sequence, self.number(index)], names[inner], axis=axis)
            self.copy(body, names, position)
            state = [names.get(new, new) for _, new, _, _ in wiring.carried]
            for values, (inner, *_) in zip(stacked, wiring.stacked, strict=True):
                values.append(names.get(inner, inner))
        for (*_, last), value in zip(wiring.carried, state, strict=True):
            self.add("Identity", [value], last)
        for values, (_, outer, axis, backwards) in zip(stacked, wiring.stacked, strict=True):
            self.stack(values[::-1] if backwards else values, outer, axis)

    def copy(self, body: onnx.GraphProto, names: dict[str, str], position: int) -> None:
        """Append the nodes of a body at a position; `names` says what its values are called outside, and grows."""
        for node in body.node:
            copied = self.graph.node.add()
            copied.CopyFrom(node)
            copied.name = at_position(node.name or node.output[0], position)
            copied.input[:] = [names.get(name, name) for name in node.input]
            for name in filter(None, node.output):
                names[name] = at_position(name, position)
            copied.output[:] = [names.get(name, name) for name in node.output]
            self.names[copied.name] = node.name or node.output[0]

    def stack(self, values: list[str], outer: str, axis: int) -> None:
        """Append what joins the values of all positions along a new axis."""
        if not outer:
            return
        axes = self.constant(f"@axes{axis}", np.array([axis], np.int64))
        parts = [f"{outer}@part{index}" for index in range(len(values))]
        for value, part in zip(values, parts, strict=True):
            self.add("Unsqueeze", [value, axes], part)
        self.add("Concat", parts, outer, axis=axis)

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """Append a node of one output, unless nobody asked for it."""
        if output:
            self.graph.node.append(helper.make_node(op, inputs, [output], name=output, **attributes))

    def number(self, value: int) -> str:
        """Return the name of a whole number."""
        return self.constant(f"@{value}", np.array(value, np.int64))

    def constant(self, name: str, value: np.ndarray) -> str:
        """Return `name`, which is that of a constant from now on."""
        self.constants.setdefault(name, numpy_helper.from_array(value, name))
        return name
