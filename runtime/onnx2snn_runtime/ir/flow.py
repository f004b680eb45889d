"""Which values of an IR graph vary over time steps, and what part of a run every node belongs to.

prologue   depends on inputs and constants alone: computed once
loop       leads to a neuron: computed every step
tail       affine, leads to outputs alone: computed where a result is read
readout    nonlinear and behind every neuron: computed on the decoded values, where a result is read
"""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.linearity import is_affine, node_attributes
from onnx2snn_runtime.ir.operators import Facts, facts
from onnx2snn_runtime.ir.schema import is_neuron, read_neuron


@dataclass(frozen=True)
class Flow:
    """The nodes of an IR graph by the part of a run that they belong to, in execution order."""

    prologue: tuple[onnx.NodeProto, ...]
    loop: tuple[onnx.NodeProto, ...]
    tail: tuple[onnx.NodeProto, ...]
    readout: tuple[onnx.NodeProto, ...]
    varying: frozenset[str]


def analyse(graph: onnx.GraphProto, spiking_inputs: Sequence[str] = ()) -> Flow:
    """Return the flow of `graph`; a node that is neither affine, a neuron nor a readout raises ModelError."""
    varying, shaped = _varying(graph, spiking_inputs)
    needed = _leads_to_neuron(graph, varying | shaped)
    parts: dict[str, list[onnx.NodeProto]] = {"prologue": [], "loop": [], "tail": [], "readout": []}
    decoded: set[str] = set()  # what depends on a readout
    for index, node in enumerate(graph.node):
        flags = [name in varying for name in node.input]
        part = "prologue"
        if is_neuron(node) or index in needed:
            part = "loop"
        elif any(flags) or any(name in shaped for name in node.output):
            affine = _affine(node, flags) or _facts(node).shape_only or not any(flags)
            part = "tail" if affine and not decoded.intersection(node.input) else "readout"
        if part == "readout":
            decoded.update(node.output)
        _check(node, flags, part)
        parts[part].append(node)
    return Flow(**{k: tuple(v) for k, v in parts.items()}, varying=frozenset(varying))


def _varying(graph: onnx.GraphProto, spiking_inputs: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the values that vary in time, and those that do not but hang on the shape of one that does."""
    varying, shaped = set(spiking_inputs), set()
    for node in graph.node:
        hot = any(name in varying for name in node.input)
        if is_neuron(node) or (hot and not _facts(node).shape_only):
            varying.update(node.output)
        elif hot or any(name in shaped for name in node.input):
            shaped.update(node.output)
    return varying, shaped


def _leads_to_neuron(graph: onnx.GraphProto, late: set[str]) -> set[int]:
    """Return the indices of the nodes, fed by a value in `late`, that a neuron depends on."""
    wanted: set[str] = set()
    found: set[int] = set()
    for index in range(len(graph.node) - 1, -1, -1):
        node = graph.node[index]
        if is_neuron(node):
            wanted.update(node.input)
        elif any(name in wanted for name in node.output) and any(name in late for name in node.output):
            found.add(index)
            wanted.update(node.input)
    return found


def _facts(node: onnx.NodeProto) -> Facts:
    return facts(node.op_type, node.domain)


def _may_follow_neurons(held: Facts) -> bool:
    return held.readout or held.after_readout or held.shape_only


def _affine(node: onnx.NodeProto, flags: list[bool]) -> bool:
    return is_affine(node.op_type, flags, node.domain, node_attributes(node))


def _check(node: onnx.NodeProto, flags: list[bool], part: str) -> None:
    label = f"{node.op_type} node {node.name or (node.output[0] if node.output else '')!r}"
    if is_neuron(node):
        sources = read_neuron(node).sources
        if any(flags[sources:]):
            raise ModelError(f"the {label} takes a spiking value as a constant: convert the model again")
    elif part == "loop" and any(flags) and not _affine(node, flags):
        if not _facts(node).shape_only:
            raise ModelError(
                f"the {label} is not affine in its spiking inputs: a synapse has to be; convert the model again, with "
                "the input coding that it is to run with (--encoder)"
            )
    elif part == "readout" and not _may_follow_neurons(_facts(node)) and any(flags):
        raise ModelError(f"the {label} behind the last neuron is no readout: convert the model again")
