"""Classifies every node as static, control, synapse, neuron or readout (an analysis, nothing is rewritten).

static    depends on constants (and shapes) alone
control   depends on the model's inputs through unweighted, unlearned operators only
synapse   affine in its spiking inputs; also the first learned operator behind the inputs
readout   only turns results into answers, on paths that lead to outputs alone
neuron    everything else
"""

from dataclasses import dataclass, field

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.rewriting.graph_tools import consumers, identities, is_float, is_static, producer
from onnx2snn.passes.rewriting.marks import MARKS
from onnx2snn_runtime.ir.linearity import is_affine
from onnx2snn_runtime.ir.operators import Facts, facts
from onnx2snn_runtime.ir.schema import DOMAIN

KINDS = ("static", "control", "synapse", "neuron", "readout")


@dataclass
class Classification:
    """The kind of every node, and the identities of the tensors that spike.

    `data` are the tensors that depend on the values of inputs, not on their shapes alone; `measured` those of them that
    depend on floating-point inputs.
    """

    kinds: dict[int, str] = field(default_factory=dict)
    spiking: set[int] = field(default_factory=set)
    data: set[int] = field(default_factory=set)
    measured: set[int] = field(default_factory=set)

    def kind(self, node: gs.Node) -> str:
        """Return the kind of `node`."""
        return self.kinds[id(node)]

    def is_spiking(self, tensor: gs.Tensor) -> bool:
        """Return whether `tensor` depends on spikes."""
        return id(tensor) in self.spiking


def classify(graph: gs.Graph, encoder: str = "direct") -> Classification:
    """Return the classification of `graph`, whose nodes are in topological order."""
    found = Classification()
    if encoder != "direct":
        found.spiking = identities(t for t in graph.inputs if _is_float_input(t))
    found.data = identities(graph.inputs)
    found.measured = identities(t for t in graph.inputs if _is_float_input(t))
    for node in graph.nodes:
        kind = _kind(node, found)
        found.kinds[id(node)] = kind
        for depending in (found.data, found.measured):
            if not facts_of(node).shape_only and any(id(t) in depending for t in node.inputs):
                depending.update(identities(node.outputs))
        if kind in ("synapse", "neuron"):
            found.spiking.update(identities(node.outputs))
    _mark_readouts(graph, found)
    return found


def facts_of(node: gs.Node) -> Facts:
    """Return the facts of the operator of `node`."""
    return facts(node.op, node.domain)


def _kind(node: gs.Node, found: Classification) -> str:
    flags = [found.is_spiking(tensor) for tensor in node.inputs]
    if node.domain == DOMAIN:
        return "neuron"
    if node.domain == MARKS and node.op == "Carried" and is_float(node.outputs[0], node):
        for depending in (found.data, found.measured):
            depending.update(identities(node.outputs))
        return "synapse"  # the state of a recurrence: what its neurons send
    if any(flags):
        return "control" if facts_of(node).shape_only else _synapse_or_neuron(node, flags)
    if not any(id(tensor) in found.data for tensor in node.inputs) or facts_of(node).shape_only:
        return "static"
    if not _learns(node, found):
        return "control"
    # the first learned operator behind the inputs: what it takes is a constant current
    if node.op == "Gather":
        return "synapse"
    flags = [id(tensor) in found.data for tensor in node.inputs]
    kind = _synapse_or_neuron(node, flags)
    if kind == "neuron":
        found.spiking.update(id(t) for t, flag in zip(node.inputs, flags, strict=True) if flag)
    return kind


def _synapse_or_neuron(node: gs.Node, flags: list[bool]) -> str:
    if node.domain == MARKS:
        return "synapse"
    if node.op == "Cast" and _is_logic(node.inputs[0]):
        return "neuron"  # what turns integers or booleans into numbers that spikes can carry
    return "synapse" if is_affine(node.op, flags, node.domain or "", node.attrs) else "neuron"


def _learns(node: gs.Node, found: Classification) -> bool:
    """Return whether a node multiplies data by learned weights, or looks them up."""
    held = facts_of(node)
    if held.learned:
        return True
    if node.op == "Gather":
        table = node.inputs[0]
        learned = is_float_constant(table) and len(table.shape or ()) > 1 and id(node.inputs[1]) in found.data
        return learned and not is_rotary(table.values)
    return held.weighted and not (_is_outer(node) and not _weighs(node, found))


def _is_logic(tensor: gs.Tensor) -> bool:
    """Return whether `tensor` is computed, and of integers or booleans."""
    before = producer(tensor)
    return before is not None and not is_float(tensor, before)


def _is_outer(node: gs.Node) -> bool:
    """Return whether a node multiplies everything with everything and sums nothing: positions by frequencies."""
    if node.op == "Einsum":
        equation = node.attrs["equation"]
        terms, _, result = (equation.decode() if isinstance(equation, bytes) else equation).partition("->")
        return bool(result) and set(terms) - set(", .") <= set(result)
    shapes = [tensor.shape for tensor in node.inputs]
    return node.op == "MatMul" and any(s is not None and len(s) > 1 and s[-1 - i] == 1 for i, s in enumerate(shapes))


def _weighs(node: gs.Node, found: Classification) -> bool:
    """Return whether an outer product is one of floating-point inputs by weights that differ."""
    weights = [t for t in node.inputs if is_float_constant(t) and np.ptp(t.values) > 0]
    return bool(weights) and any(id(tensor) in found.measured for tensor in node.inputs)


def is_float_constant(tensor: gs.Tensor) -> bool:
    """Return whether `tensor` is a constant of floating-point numbers."""
    return isinstance(tensor, gs.Constant) and np.issubdtype(np.dtype(tensor.dtype), np.floating)


def is_rotary(table: np.ndarray) -> bool:
    """Return whether the rows of `table` are the cosines, or the sines, of 0, a, 2a, ...: positions, not learned."""
    if len(table) < 3 or np.abs(table[:3]).max(initial=0) > 1.001:
        return False
    once, twice = np.square(table[1].astype(np.float64)), table[2].astype(np.float64)
    cosines = np.allclose(table[0], 1, atol=1e-3) and np.allclose(twice, 2 * once - 1, atol=1e-2)
    sines = np.allclose(table[0], 0, atol=1e-3) and np.allclose(np.square(twice), 4 * once * (1 - once), atol=1e-2)
    return bool((cosines or sines) and once.max() > 0.01)


def _is_float_input(tensor: gs.Tensor) -> bool:
    return tensor.dtype is not None and not isinstance(tensor.dtype, int) and np.dtype(tensor.dtype).kind == "f"


def _mark_readouts(graph: gs.Graph, found: Classification) -> None:
    """Turn what may answer, and leads to outputs alone, into readouts, and what follows them."""
    outputs = identities(graph.outputs)
    tail: set[int] = set()
    for node in reversed(graph.nodes):
        follows = facts_of(node).after_readout and found.kind(node) in ("neuron", "synapse")
        allowed = _answers(node, found, outputs) or (follows and _is_plain_arithmetic(node, found))
        if allowed and all(id(consumer) in tail for consumer in consumers(node)):
            tail.add(id(node))
    answers: set[int] = set()
    for node in graph.nodes:
        if id(node) not in tail:
            continue
        if _answers(node, found, outputs) or any(
            id(tensor) in answers for tensor in node.inputs if not is_static(tensor)
        ):
            found.kinds[id(node)] = "readout"
            answers.update(identities(node.outputs))


def _answers(node: gs.Node, found: Classification, outputs: set[int]) -> bool:
    """Return whether a neuron only turns results into answers: by its operator, or because it makes or reads no float.

    Integers and booleans cannot spike: what is computed of them is exact wherever no neuron reads it.
    """
    held = facts_of(node)
    if found.kind(node) not in ("neuron", "synapse") or held.weighted or held.unrolled or node.domain == DOMAIN:
        return False
    spiking = [tensor for tensor in node.inputs if found.is_spiking(tensor)]
    if spiking and all(_is_logic(tensor) for tensor in spiking):
        return True
    used = [tensor for tensor in node.outputs if tensor.outputs or id(tensor) in outputs]
    discrete = bool(used) and not any(is_float(tensor, node) for tensor in used)
    return found.kind(node) == "neuron" and (held.readout or discrete)


def _is_plain_arithmetic(node: gs.Node, found: Classification) -> bool:
    """Return whether a node is affine in what spikes, or clips it: no product and no maximum of two results."""
    spiking = sum(found.is_spiking(tensor) for tensor in node.inputs)
    return found.kind(node) == "synapse" or (not facts_of(node).affine and spiking == 1)
