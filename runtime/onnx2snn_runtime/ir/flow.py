"""Data-flow analysis of an IR graph: which values vary over time, and which section of a run each node belongs to.

prologue   depends on inputs and constants only: computed once
loop       a neuron depends on it: computed at every step
tail       affine, only outputs depend on it: computed when a result is read
readout    nonlinear, after all neurons: computed on the decoded values when a result is read
"""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.linearity import is_affine, node_attributes
from onnx2snn_runtime.ir.operators import Facts, facts
from onnx2snn_runtime.ir.schema import is_neuron, read_neuron

FLOATS = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16})


@dataclass(frozen=True)
class Flow:
    """The nodes of an IR graph by the section of a run they belong to, in execution order; the time-varying values."""

    prologue: tuple[onnx.NodeProto, ...]
    loop: tuple[onnx.NodeProto, ...]
    tail: tuple[onnx.NodeProto, ...]
    readout: tuple[onnx.NodeProto, ...]
    varying: frozenset[str]


def analyse(graph: onnx.GraphProto, spiking_inputs: Sequence[str] = ()) -> Flow:
    """Return the sections of `graph`; a node that is neither affine, a neuron nor a readout raises ModelError."""
    varying, shaped = _varying(graph, spiking_inputs)
    needed = _leads_to_neuron(graph, varying | shaped)
    sections: dict[str, list[onnx.NodeProto]] = {"prologue": [], "loop": [], "tail": [], "readout": []}
    decoded: set[str] = set()  # the values that depend on a readout
    floats = _Floats(graph)
    for index, node in enumerate(graph.node):
        flags = [name in varying for name in node.input]
        section = "prologue"
        if is_neuron(node) or index in needed:
            section = "loop"
        elif any(flags) or any(name in shaped for name in node.output):
            affine = _affine(node, flags) or _facts(node).shape_only or not any(flags)
            section = "tail" if affine and not decoded.intersection(node.input) else "readout"
        if section == "readout":
            decoded.update(node.output)
        _check(node, flags, section, floats)
        sections[section].append(node)
    return Flow(**{k: tuple(v) for k, v in sections.items()}, varying=frozenset(varying))


def _varying(graph: onnx.GraphProto, spiking_inputs: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the values that vary over time, and the constant ones that depend on the shape of a time-varying value."""
    varying, shaped = set(spiking_inputs), set()
    for node in graph.node:
        varies = any(name in varying for name in node.input)
        if is_neuron(node) or (varies and not _facts(node).shape_only):
            varying.update(node.output)
        elif varies or any(name in shaped for name in node.input):
            shaped.update(node.output)
    return varying, shaped


def _leads_to_neuron(graph: onnx.GraphProto, late: set[str]) -> set[int]:
    """Return the indices of the nodes with an output in `late` that a neuron depends on."""
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


class _Floats:
    """Tells which values are floating-point: by the types that the graph declares, else by the operator."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        ports = (*graph.value_info, *graph.input, *graph.output)
        self.types = {value.name: value.type.tensor_type.elem_type for value in ports}
        self.discrete = {name for node in graph.node if _facts(node).discrete for name in node.output}

    def __call__(self, name: str) -> bool:
        """Return whether the value called `name` is floating-point."""
        kind = self.types.get(name)
        return kind in FLOATS if kind else name not in self.discrete


def _may_follow_neurons(node: onnx.NodeProto, flags: list[bool], floats: _Floats) -> bool:
    """Return whether `node` only turns results into answers: by its operator, or because it makes or reads no float."""
    held = _facts(node)
    if held.readout or held.after_readout or held.shape_only:
        return True
    read = [name for name, varies in zip(node.input, flags, strict=True) if varies]
    return not held.weighted and (not any(map(floats, filter(None, node.output))) or not any(map(floats, read)))


def _affine(node: onnx.NodeProto, flags: list[bool]) -> bool:
    return is_affine(node.op_type, flags, node.domain, node_attributes(node))


def _check(node: onnx.NodeProto, flags: list[bool], section: str, floats: _Floats) -> None:
    label = f"{node.op_type} node {node.name or (node.output[0] if node.output else '')!r}"
    if is_neuron(node):
        sources = read_neuron(node).sources
        if any(flags[sources:]):
            raise ModelError(f"the {label} takes a spiking value as a constant: convert the model again")
    elif section == "loop" and any(flags) and not _affine(node, flags):
        if not _facts(node).shape_only:
            raise ModelError(
                f"the {label} is not affine in its spiking inputs: a synapse has to be; convert the model again, with "
                "the input coding that it is to run with (--encoder)"
            )
    elif section == "readout" and any(flags) and not _may_follow_neurons(node, flags, floats):
        raise ModelError(f"the {label} behind the last neuron is no readout: convert the model again")
