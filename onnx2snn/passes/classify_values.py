"""Says of every node what becomes of it: static, control, synapse, neuron or readout. It changes nothing.

static    depends on constants (and shapes) alone
control   depends on the model's inputs through unweighted, unlearned operators only
synapse   affine in its spiking inputs; also the first learned operator behind the inputs
readout   only turns results into answers, on paths that lead to outputs alone
neuron    everything else
"""

from dataclasses import dataclass, field

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.graph_tools import consumers, identities, is_float, is_static, producer
from onnx2snn_runtime.ir.linearity import READOUT, READOUT_AFFINE, SHAPE_ONLY, WEIGHTED, is_affine
from onnx2snn_runtime.ir.schema import DOMAIN

KINDS = ("static", "control", "synapse", "neuron", "readout")

LEARNED = frozenset(
    "BatchNormalization LayerNormalization InstanceNormalization GroupNormalization RMSNormalization PRelu".split()
)
"""Operators that carry learned parameters besides the weighted ones."""


@dataclass
class Classification:
    """The kind of every node, and the identities of the tensors that spike."""

    kinds: dict[int, str] = field(default_factory=dict)
    spiking: set[int] = field(default_factory=set)

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
    data = identities(graph.inputs)  # what depends on the values of inputs, not on their shapes alone
    for node in graph.nodes:
        kind = _kind(node, found, data)
        found.kinds[id(node)] = kind
        if node.op not in SHAPE_ONLY and any(id(t) in data for t in node.inputs):
            data.update(identities(node.outputs))
        if kind in ("synapse", "neuron"):
            found.spiking.update(identities(node.outputs))
    _mark_readouts(graph, found)
    return found


def _kind(node: gs.Node, found: Classification, data: set[int]) -> str:
    flags = [found.is_spiking(tensor) for tensor in node.inputs]
    if node.domain == DOMAIN:
        return "neuron"
    if not any(flags):
        if not any(id(tensor) in data for tensor in node.inputs) or node.op in SHAPE_ONLY:
            return "static"
        if not _learns(node, data):
            return "control"
        # the first learned operator behind the inputs: what it takes is a constant current
        flags = [id(tensor) in data for tensor in node.inputs]
        if node.op in LEARNED:
            found.spiking.add(id(node.inputs[0]))
    if node.op in SHAPE_ONLY:
        return "control"
    if node.op == "Cast" and _is_logic(node.inputs[0]):
        return "neuron"  # what turns integers or booleans into numbers that spikes can carry
    if node.op == "Gather":
        return "synapse" if not (flags[1] and any(found.is_spiking(t) for t in node.inputs[1:])) else "neuron"
    return "synapse" if is_affine(node.op, flags, node.domain or "", node.attrs) else "neuron"


def _learns(node: gs.Node, data: set[int]) -> bool:
    """Return whether a node multiplies data by learned weights, or looks them up."""
    if node.op in LEARNED:
        return True
    if node.op == "Gather":
        table = node.inputs[0]
        return _is_learned(table) and len(table.shape or ()) > 1 and id(node.inputs[1]) in data
    if node.op not in WEIGHTED:
        return False
    if node.op == "MatMul":  # an outer product (positions by frequencies) weighs nothing
        shapes = [tensor.shape for tensor in node.inputs]
        if any(s is not None and len(s) > 1 and s[-1 - i] == 1 for i, s in enumerate(shapes)):
            return False
    return True


def _is_logic(tensor: gs.Tensor) -> bool:
    """Return whether `tensor` is computed, and of integers or booleans."""
    before = producer(tensor)
    return before is not None and not is_float(tensor, before)


def _is_learned(tensor: gs.Tensor) -> bool:
    return isinstance(tensor, gs.Constant) and np.issubdtype(np.dtype(tensor.dtype), np.floating)


def _is_float_input(tensor: gs.Tensor) -> bool:
    return tensor.dtype is not None and not isinstance(tensor.dtype, int) and np.dtype(tensor.dtype).kind == "f"


def _mark_readouts(graph: gs.Graph, found: Classification) -> None:
    """Turn neurons of the closed list that lead to outputs alone into readouts, and what follows them."""
    tail: set[int] = set()
    for node in reversed(graph.nodes):
        kind = found.kind(node)
        allowed = (kind == "neuron" and node.op in READOUT) or (kind == "synapse" and node.op in READOUT_AFFINE)
        if allowed and all(id(consumer) in tail for consumer in consumers(node)):
            tail.add(id(node))
    answers: set[int] = set()
    for node in graph.nodes:
        if id(node) not in tail:
            continue
        if found.kind(node) == "neuron" or any(
            id(tensor) in answers for tensor in node.inputs if not is_static(tensor)
        ):
            found.kinds[id(node)] = "readout"
            answers.update(identities(node.outputs))
