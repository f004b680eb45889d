"""Groups nodes into regions, each of which becomes one neuron (an analysis, nothing is rewritten).

Walking backwards, every nonlinear operator not yet taken is a sink. Its region is all the unweighted operators that it
post-dominates (every path from them leads to it, nothing inside leaks), less the linear front, which stays synapse
where that adds no source.

    x -> Div -> Erf -> Add -> Mul(x, .)     one region with the source x        (GELU)
    x -> ReduceMean -> Sub -> Pow -> ...    the source is x - mean(x), a synapse  (LayerNorm)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import onnx_graphsurgeon as gs

from onnx2snn.passes.neurons.classify_values import Classification, facts_of
from onnx2snn.passes.rewriting.graph_tools import consumers, identities, producer, unique
from onnx2snn.passes.rewriting.marks import MARKS
from onnx2snn_runtime.ir.linearity import is_affine


@dataclass
class Region:
    """The nodes of one neuron, in topological order, with its spiking sources, its constants and its output.

    `front` are the affine nodes that led to it alone, and that were left out.
    """

    nodes: list[gs.Node]
    sources: list[gs.Tensor]
    constants: list[gs.Tensor]
    output: gs.Tensor
    front: list[gs.Node] = field(default_factory=list)

    @property
    def sink(self) -> gs.Node:
        """The operator that all of the region leads to."""
        return self.nodes[-1]


def group_regions(graph: gs.Graph, found: Classification, neurons: str = "region") -> list[Region]:
    """Return the regions of `graph`, in topological order of their sinks."""
    grower = _Grower(graph, found, _anything if neurons == "region" else _scalar)
    regions = []
    for index in range(len(graph.nodes) - 1, -1, -1):
        sink = graph.nodes[index]
        if id(sink) in grower.taken or found.kind(sink) not in ("neuron", "synapse"):
            continue
        if found.kind(sink) == "synapse" and not (neurons == "region" and facts_of(sink).sums):
            continue
        whole = grower.grow(index)
        if found.kind(sink) == "synapse" and not is_joint(whole, found):
            continue
        region = _trim(whole, found)
        if neurons == "elementwise" and len(_sources(region, found)) > 2:
            region = [sink]
        grower.taken |= {id(node) for node in region}
        regions.append(_region(region, whole, found, grower.outputs))
    return regions[::-1]


def _anything(node: gs.Node) -> bool:
    """Return whether `node` may share a region with others."""
    held = facts_of(node)
    return not (held.weighted or held.resampling or held.unrolled or node.domain == MARKS)


def _scalar(node: gs.Node) -> bool:
    """Return whether `node` is a scalar function: what a hardware-sized neuron may be made of."""
    return facts_of(node).elementwise


class _Grower:
    """Grows regions backwards from their sinks; `taken` holds the nodes that have theirs."""

    def __init__(self, graph: gs.Graph, found: Classification, allowed: Callable[[gs.Node], bool]) -> None:
        self.nodes = list(graph.nodes)
        self.place = {id(node): index for index, node in enumerate(self.nodes)}
        self.outputs = identities(graph.outputs)
        self.found = found
        self.allowed = allowed
        self.taken: set[int] = set()

    def grow(self, index: int) -> list[gs.Node]:
        """Return the nodes that the sink at `index` post-dominates, itself last."""
        region = [self.nodes[index]]
        if not self.allowed(region[0]):
            return region
        inside = {id(region[0])}
        queue = self._before(region[0])
        heapify(queue)
        while queue:  # from the back, so that all consumers of a node were seen before it
            node = self.nodes[-heappop(queue)]
            if id(node) in inside or not self._joinable(node):
                continue
            if all(id(consumer) in inside for consumer in consumers(node)):
                inside.add(id(node))
                region.append(node)
                for place in self._before(node):
                    heappush(queue, place)
        return region[::-1]

    def _before(self, node: gs.Node) -> list[int]:
        makers = [producer(tensor) for tensor in node.inputs if self.found.is_spiking(tensor)]
        return [-self.place[id(maker)] for maker in makers if maker is not None]

    def _joinable(self, node: gs.Node) -> bool:
        return (
            id(node) not in self.taken
            and self.found.kind(node) in ("synapse", "neuron")
            and self.allowed(node)
            and any(self.found.is_spiking(tensor) for tensor in node.inputs)
            and not identities(node.outputs) & self.outputs
        )


def is_joint(region: list[gs.Node], found: Classification) -> bool:
    """Return whether the region's sink, a sum, joins neurons of which one feeds another: they are one function.

    So it is where a nonlinear value reaches the sum, and nothing before the sum, on all of its ways, and another
    nonlinear operator lies on one of them: x * r + (b - mean * r) with r = 1 / sqrt(var(x)).
    """
    place = {id(node): index for index, node in enumerate(region)}
    last = len(region) - 1
    bent: set[int] = set()  # what a neuron made, or what comes of that
    for index, node in enumerate(region):
        if found.kind(node) == "neuron" or any(place.get(id(producer(t))) in bent for t in node.inputs):
            bent.add(index)
    meet, crosses = [last] * len(region), [False] * len(region)  # the next node on all ways; a neuron on one of them
    for index in range(last - 1, -1, -1):
        users = sorted({place[id(consumer)] for consumer in consumers(region[index])})
        crosses[index] = any(user != last and (crosses[user] or found.kind(region[user]) == "neuron") for user in users)
        while len(users) > 1:  # the earliest moves on, until they meet
            users = sorted({meet[users[0]], *users[1:]})
        meet[index] = users[0]
    return any(meet[i] == last and crosses[i] and i in bent and _forks(region[i]) for i in range(last))


def _forks(node: gs.Node) -> bool:
    return len({id(consumer) for consumer in consumers(node)}) > 1


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


def _region(nodes: list[gs.Node], whole: list[gs.Node], found: Classification, outputs: set[int]) -> Region:
    made = identities(t for node in nodes for t in node.outputs)
    taken = [t for node in nodes for t in node.inputs if not t.is_empty() and id(t) not in made]
    constants = unique(t for t in taken if not found.is_spiking(t))
    output = next((t for t in nodes[-1].outputs if t.outputs or id(t) in outputs), nodes[-1].outputs[0])
    kept = {id(node) for node in nodes}
    return Region(nodes, _sources(nodes, found), constants, output, [n for n in whole if id(n) not in kept])
