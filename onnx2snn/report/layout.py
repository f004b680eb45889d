"""The network as a graph of populations, synapses and joins, placed in ranks that are wrapped like lines of text."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx

from onnx2snn.evaluation.wiring import name_of
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.recurrence import one_position
from onnx2snn_runtime.ir.schema import is_neuron, read_defaults

ACROSS, DOWN, GAP = 74.0, 58.0, 46.0
"""The distances of ranks, of nodes of one rank, and between the lines that ranks are wrapped into."""
SWEEPS = 4
UNBROKEN = 14
"""So many ranks stand in one line."""
LONGEST, SHAPE = 40, 2.4
"""The most ranks of a line, and what width over height is to be near to."""


@dataclass
class Drawn:
    """A node that is drawn: a population, a synapse with weights, a join of several values, or an input or output."""

    name: str
    operator: str
    kind: str
    before: list[int] = field(default_factory=list)
    index: int = 0
    rank: int = 0
    slot: float = 0.0
    x: float = 0.0
    y: float = 0.0


def graph_of(model: onnx.ModelProto, populations: Sequence[str]) -> dict[str, Any]:
    """Return nodes with positions, and edges as SVG paths, of the IR `model`; `populations` are numbered as given."""
    flat = one_position(model)
    nodes = _leading(_nodes(flat.graph, analyse(flat.graph, read_defaults(model).spiking_inputs).varying))
    _rank(nodes)
    width, height = _place(nodes)
    numbers = {name: index for index, name in enumerate(populations)}
    return {
        "width": width,
        "height": height,
        "nodes": [
            {"name": n.name, "operator": n.operator, "kind": n.kind, "x": round(n.x, 1), "y": round(n.y, 1),
             "label": _label(n), "population": numbers.get(n.name) if n.kind == "population" else None}
            for n in nodes
        ],
        "edges": [_path(nodes[index], node, width) for node in nodes for index in node.before],
    }  # fmt: skip


def _nodes(graph: onnx.GraphProto, varying: Collection[str]) -> list[Drawn]:
    """Return the nodes that are drawn, in order of execution.

    What only moves values about is passed through; of a node that reads a time-varying value, what else it reads
    (masks, positions) is not followed.
    """
    made: list[Drawn] = []
    makers: dict[str, frozenset[int]] = {}

    def add(name: str, operator: str, kind: str, before: Iterable[int] = ()) -> frozenset[int]:
        made.append(Drawn(name, operator, kind, sorted(before)))
        return frozenset({len(made) - 1})

    constants = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name not in constants:
            makers[value.name] = add(value.name, "input", "port")
    for node in graph.node:
        read = [name for name in node.input if name in varying] or node.input
        before = frozenset[int]().union(*(makers.get(name, frozenset()) for name in read))
        if not before:
            continue  # made of constants alone
        kind = "population" if is_neuron(node) else "synapse" if _weighted(node) else "join"
        here = before if kind == "join" and len(before) == 1 else add(name_of(node), node.op_type, kind, before)
        makers.update((name, here) for name in node.output if name)
    for value in graph.output:
        add(value.name, "output", "port", makers.get(value.name, frozenset()))
    return made


def _leading(nodes: list[Drawn]) -> list[Drawn]:
    """Return the nodes that lead to an output, or are a population, an input or an output."""
    kept = {index for index, node in enumerate(nodes) if node.kind in ("population", "port")}
    for index in range(len(nodes) - 1, -1, -1):
        if index in kept:
            kept.update(nodes[index].before)
    places = {old: new for new, old in enumerate(sorted(kept))}
    for index in kept:
        nodes[index].before = [places[before] for before in nodes[index].before]
    return [nodes[index] for index in sorted(kept)]


def _weighted(node: onnx.NodeProto) -> bool:
    return facts(node.op_type, node.domain).weighted


def _rank(nodes: list[Drawn]) -> None:
    """Give every node the length of the longest way to it, and inputs a place right before what reads them."""
    readers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        node.index = index
        node.rank = 1 + max((nodes[before].rank for before in node.before), default=-1)
        for before in node.before:
            readers.setdefault(before, []).append(index)
    for index, node in enumerate(nodes):
        if not node.before and index in readers:
            node.rank = min(nodes[reader].rank for reader in readers[index]) - 1


def _place(nodes: list[Drawn]) -> tuple[float, float]:
    """Set the positions, and return width and height: ranks from left to right, wrapped to a pleasant shape."""
    ranks: dict[int, list[Drawn]] = {}
    for node in nodes:
        ranks.setdefault(node.rank, []).append(node)
    _order(ranks)
    if len(ranks) <= UNBROKEN:
        return _wrapped(ranks, len(ranks), nodes)
    sizes = {across: _wrapped(ranks, across, nodes) for across in range(UNBROKEN // 2, min(len(ranks), LONGEST) + 1)}
    best = min(sizes, key=lambda across: abs(math.log(sizes[across][0] / max(DOWN, sizes[across][1]) / SHAPE)))
    return _wrapped(ranks, best, nodes)


def _wrapped(ranks: Mapping[int, list[Drawn]], across: int, nodes: Sequence[Drawn]) -> tuple[float, float]:
    """Place the nodes in lines of so many ranks, and return width and height."""
    ordered, top = sorted(ranks), 0.0
    for first in range(0, len(ordered), across):
        line = ordered[first : first + across]
        most = max(len(ranks[rank]) for rank in line)
        for column, rank in enumerate(line):
            for node in ranks[rank]:
                node.x = column * ACROSS
                node.y = top + (node.slot + (most - len(ranks[rank])) / 2) * DOWN
        top += most * DOWN + GAP
    return max(node.x for node in nodes), max(0.0, top - GAP - DOWN)


def _order(ranks: Mapping[int, list[Drawn]]) -> None:
    """Order the nodes of each rank by the mean place of those before them, so that few edges cross."""
    nodes = sorted((node for rank in ranks.values() for node in rank), key=lambda node: node.index)
    for rank in sorted(ranks):
        for slot, node in enumerate(ranks[rank]):
            node.slot = float(slot)
    for _ in range(SWEEPS):
        for rank in sorted(ranks):
            means = {
                id(n): sum(nodes[b].slot for b in n.before) / len(n.before) if n.before else n.slot for n in ranks[rank]
            }
            ranks[rank].sort(key=lambda n: means[id(n)])
            for slot, node in enumerate(ranks[rank]):
                node.slot = float(slot)


def _path(start: Drawn, end: Drawn, width: float) -> str:
    """Return the way from one node to another: a curve within a line of ranks, else a detour through the gutter."""
    (x, y), (u, v) = (start.x, start.y), (end.x, end.y)
    ranks = end.rank - start.rank
    if ranks == round((u - x) / ACROSS):  # in one line
        if ranks == 1 or y != v:
            return f"M{x:.0f} {y:.0f}C{(x + u) / 2:.0f} {y:.0f} {(x + u) / 2:.0f} {v:.0f} {u:.0f} {v:.0f}"
        bow = y - min(DOWN * 0.8, 18.0 + 4 * ranks)  # over what lies between
        return f"M{x:.0f} {y:.0f}C{x + 20:.0f} {bow:.0f} {u - 20:.0f} {bow:.0f} {u:.0f} {v:.0f}"
    right, left, gutter = width + 26, -26.0, v - (DOWN + GAP) / 2
    corners = [(right, y), (right, gutter), (left, gutter), (left, v)]
    turns = [
        f"L{_toward(c, before)}Q{c[0]:.0f} {c[1]:.0f} {_toward(c, after)}"
        for before, c, after in zip([(x, y), *corners], corners, [*corners[1:], (u, v)], strict=False)
    ]
    return f"M{x:.0f} {y:.0f}{''.join(turns)}L{u:.0f} {v:.0f}"


def _toward(corner: tuple[float, float], other: tuple[float, float]) -> str:
    """Return the point 8 before or behind a corner, on the way to another point."""
    across, down = other[0] - corner[0], other[1] - corner[1]
    far = max(abs(across), abs(down), 1.0)
    return f"{corner[0] + 8 * across / far:.0f} {corner[1] + 8 * down / far:.0f}"


def _label(node: Drawn) -> str:
    text = node.name if node.kind == "port" else node.operator.removeprefix("Spiking")
    return text if len(text) <= 13 else text[:12] + "…"
