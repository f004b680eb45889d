"""Groups nodes into regions, each of which becomes one neuron. It changes nothing.

Walking backwards, every nonlinear operator not yet taken is a sink. Its region is all the unweighted operators that it
post-dominates (every path from them leads to it, nothing inside leaks), less the linear front, which stays synapse
where that adds no source.

    x -> Div -> Erf -> Add -> Mul(x, .)     one region with the source x        (GELU)
    x -> ReduceMean -> Sub -> Pow -> ...    the source is x - mean(x), a synapse  (LayerNorm)

A sum is a sink too where that makes one neuron of several, all of the same single source:

    a = f(x);  y = Add(Mul(x, a), Sub(b, Mul(mean(x), a)))   one region, not three   (LayerNorm of Keras)
"""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from onnx2snn.passes.classify_values import Classification
from onnx2snn.passes.graph_tools import consumers, identities, producer, unique
from onnx2snn_runtime.ir.linearity import RESAMPLING, WEIGHTED, is_affine

RECURRENT = frozenset({"LSTM", "GRU", "RNN", "Scan", "Loop", "If"})
BOUNDARIES = WEIGHTED | RESAMPLING | RECURRENT
"""Operators that never share a region."""

JOINING = frozenset({"Add", "Sub"})
"""Affine operators that may be sinks."""

ELEMENTWISE = frozenset(
    "Abs Acos Acosh Add Asin Asinh Atan Atanh BitShift Cast Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp Floor Gelu "
    "Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Min Mish Mod "
    "Mul Neg Not And Or Xor PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt "
    "Sub Sum Swish Tan Tanh ThresholdedRelu Where QuantizeLinear DequantizeLinear".split()
)
"""Scalar functions: what a hardware-sized neuron may be made of."""


@dataclass
class Region:
    """The nodes of one neuron, in topological order, with its spiking sources, its constants and its output."""

    nodes: list[gs.Node]
    sources: list[gs.Tensor]
    constants: list[gs.Tensor]
    output: gs.Tensor

    @property
    def sink(self) -> gs.Node:
        """The operator that all of the region leads to."""
        return self.nodes[-1]


def group_regions(graph: gs.Graph, found: Classification, neurons: str = "region") -> list[Region]:
    """Return the regions of `graph`, in topological order of their sinks."""
    outputs = identities(graph.outputs)
    grow = _anything if neurons == "region" else _scalar
    taken: set[int] = set()
    regions = []
    for index in range(len(graph.nodes) - 1, -1, -1):
        sink = graph.nodes[index]
        joins = neurons == "region" and sink.op in JOINING and found.kind(sink) == "synapse"
        if not (joins or found.kind(sink) == "neuron") or id(sink) in taken:
            continue
        region = _trim(_grow(graph.nodes, index, found, outputs, taken, grow), found)
        if joins and not _saves_neurons(region, found):
            continue
        if neurons == "elementwise" and len(_sources(region, found)) > 2:
            region = [sink]
        taken |= {id(node) for node in region}
        regions.append(_region(region, found))
    return regions[::-1]


def _saves_neurons(region: list[gs.Node], found: Classification) -> bool:
    """Return whether the region of a sum has one source, and its nodes would be several neurons by themselves."""
    if len(region) < 3 or len(_sources(region, found)) != 1:
        return False
    covered: set[int] = set()
    sinks = 0
    for index in range(len(region) - 2, -1, -1):
        if found.kind(region[index]) == "neuron" and id(region[index]) not in covered:
            covered |= {id(node) for node in _grow(region, index, found, set(), covered, _anything)}
            sinks += 1
    return sinks > 1


def _anything(node: gs.Node) -> bool:
    return node.op not in BOUNDARIES


def _scalar(node: gs.Node) -> bool:
    return node.op in ELEMENTWISE


def _grow(
    nodes: list[gs.Node],
    index: int,
    found: Classification,
    outputs: set[int],
    taken: set[int],
    allowed: Callable[[gs.Node], bool],
) -> list[gs.Node]:
    """Return the nodes that the sink at `index` post-dominates, itself last."""
    region = [nodes[index]]
    if not allowed(nodes[index]):
        return region
    inside = {id(nodes[index])}
    for node in reversed(nodes[:index]):
        if id(node) in taken or found.kind(node) not in ("synapse", "neuron") or not allowed(node):
            continue
        if not any(found.is_spiking(tensor) for tensor in node.inputs):
            continue
        users = [id(consumer) for consumer in consumers(node)]
        if users and all(user in inside for user in users) and not identities(node.outputs) & outputs:
            inside.add(id(node))
            region.append(node)
    return region[::-1]


def _trim(region: list[gs.Node], found: Classification) -> list[gs.Node]:
    """Return the region without its linear front, as far as leaving it out adds no source."""
    front = _front(region, found)
    while front:
        before = len(_sources(region, found))
        for node in [None, *front]:  # all of the front first, then what leads to each of its nodes
            drop = {id(n) for n in front} if node is None else _ancestors(node, front)
            rest = [n for n in region if id(n) not in drop]
            if rest and len(_sources(rest, found)) <= before:
                region = rest
                break
        else:
            break
        front = _front(region, found)
    return region


def _front(region: list[gs.Node], found: Classification) -> list[gs.Node]:
    """Return the affine nodes of the region, but the sink, that have only affine ones before them within it."""
    front: list[gs.Node] = []
    made = identities(t for node in region for t in node.outputs)
    linear: set[int] = set()
    for node in region[:-1]:
        flags = [found.is_spiking(tensor) for tensor in node.inputs]
        inner = [tensor for tensor in node.inputs if id(tensor) in made]
        affine = is_affine(node.op, flags, node.domain or "", node.attrs)
        if affine and all(id(tensor) in linear for tensor in inner):
            front.append(node)
            linear |= identities(node.outputs)
    return front


def _ancestors(node: gs.Node, front: list[gs.Node]) -> set[int]:
    within = {id(n) for n in front}
    found, queue = set(), [node]
    while queue:
        current = queue.pop()
        if id(current) in found:
            continue
        found.add(id(current))
        for tensor in current.inputs:
            before = producer(tensor)
            if before is not None and id(before) in within:
                queue.append(before)
    return found


def _sources(region: list[gs.Node], found: Classification) -> list[gs.Tensor]:
    made = identities(t for node in region for t in node.outputs)
    return unique(t for node in region for t in node.inputs if found.is_spiking(t) and id(t) not in made)


def _region(nodes: list[gs.Node], found: Classification) -> Region:
    made = identities(t for node in nodes for t in node.outputs)
    taken = [t for node in nodes for t in node.inputs if not t.is_empty() and id(t) not in made]
    constants = unique(t for t in taken if not found.is_spiking(t))
    output = next((t for t in nodes[-1].outputs if t.outputs), nodes[-1].outputs[0])
    return Region(nodes, _sources(nodes, found), constants, output)
