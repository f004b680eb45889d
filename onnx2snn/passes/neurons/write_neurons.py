"""Replaces every region by a neuron node, whose function is the region's own subgraph.

t = Erf(x / 1.4142); y = x * (t + 1)   ->  y = onnx2snn.SpikingGelu(x, 1.4142, 1) [sources 1]
"""

from dataclasses import dataclass, field
from itertools import chain, count

import onnx
import onnx_graphsurgeon as gs
from onnx import helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.neurons.classify_values import Classification, classify, facts_of
from onnx2snn.passes.neurons.group_regions import Region, group_regions
from onnx2snn.passes.neurons.name_regions import name_region
from onnx2snn.passes.rewriting.graph_tools import fresh_name, identities, is_float, label, remove, to_proto
from onnx2snn_runtime.errors import ModelError, UnsupportedError
from onnx2snn_runtime.ir.schema import DOMAIN

PREFIX = "Spiking"


@dataclass
class _Library:
    """The functions made so far: regions of one structure and one meaning share one."""

    opset_imports: list[onnx.OperatorSetIdProto]
    functions: dict[tuple[bytes, str], onnx.FunctionProto] = field(default_factory=dict)

    def name_of(self, region: Region, known: str | None) -> str:
        """Return the name of the function that computes `region`, made where there is none yet.

        `known` is what its function is called, if it is a known one: SpikingGelu, and SpikingGelu_2 for another way to
        write it; what has no name is SpikingRegion1, SpikingRegion2, ...
        """
        body, formal, result = _body(region)
        stem = PREFIX + (known or (region.sink.op if len(region.nodes) == 1 else "Region"))
        key = b"".join(node.SerializeToString() for node in body), stem
        if key not in self.functions:
            taken = {function.name for function in self.functions.values()}
            numbered = (f"{stem}{n}" if stem == PREFIX + "Region" else f"{stem}_{n + 1}" for n in count(1))
            name = next(n for n in chain([] if stem == PREFIX + "Region" else [stem], numbered) if n not in taken)
            self.functions[key] = helper.make_function(DOMAIN, name, formal, [result], body, self.opset_imports)
        return self.functions[key].name


def write_neurons(work: Work) -> int:
    """Write the neurons of `work.graph` and collect their functions; none at all raises ModelError."""
    found = classify(work.graph, work.encoder)
    regions = group_regions(work.graph, found, work.neurons)
    if not regions:
        raise ModelError(
            f"{work.where} has no nonlinearity behind its first weights and before its answers, so no neuron was made: "
            "there is nothing to convert (see 'onnx2snn inspect')"
        )
    refused = cannot_spike(work, regions)
    if refused:
        raise UnsupportedError(
            f"{work.where} cannot be converted: {'; '.join(refused)}: compute these outside the network"
        )
    if work.neurons == "elementwise":
        work.warnings += _coarse(regions)
    library = _Library([o for o in work.model.opset_import if o.domain != DOMAIN])
    by_sink = {id(region.sink): region for region in regions}
    names = {id(region): _known(region, found, library, work) for region in regions}  # while the graph is whole
    for index, node in enumerate(list(work.graph.nodes)):
        region = by_sink.get(id(node))
        if region is None:
            continue
        name = library.name_of(region, names[id(region)])
        neuron = gs.Node(name, fresh_name(work.graph, f"{name}/{region.output.name}"), {}, domain=DOMAIN)
        neuron.attrs["sources"] = len(region.sources)
        neuron.inputs = [*region.sources, *region.constants]
        work.graph.nodes[_place(work.graph, node, index)] = neuron
        node.outputs.clear()
        neuron.outputs = [region.output]
        remove(work.graph, region.nodes[:-1])
        node.inputs.clear()
    work.functions = list(library.functions.values())
    return len(regions)


def _known(region: Region, found: Classification, library: _Library, work: Work) -> str | None:
    if len(region.nodes) == 1:
        return None
    return name_region(region, found, library.opset_imports, work.model.ir_version)


def _place(graph: gs.Graph, node: gs.Node, index: int) -> int:
    return next(i for i in range(min(index, len(graph.nodes) - 1), -1, -1) if graph.nodes[i] is node)


def _coarse(regions: list[Region]) -> list[str]:
    """Return a sentence on the operators that no pass takes apart."""
    left = sorted({region.sink.op for region in regions if not facts_of(region.sink).elementwise})
    return [f"{', '.join(left)} stayed whole: these neurons are no scalar functions"] if left else []


def cannot_spike(work: Work, regions: list[Region]) -> list[str]:
    """Return one sentence for every region that no neuron can be."""
    kept = identities(work.graph.outputs)
    found = []
    for region in regions:
        used = [t for t in region.sink.outputs if t.outputs or id(t) in kept]
        if len(used) > 1:
            found.append(f"the {label(region.sink)} has {len(used)} outputs in use, a neuron has one")
        elif not is_float(region.output, region.sink):
            found.append(f"the {label(region.sink)} sends integers or booleans on, which spikes cannot carry")
    return found


def _body(region: Region) -> tuple[list[onnx.NodeProto], list[str], str]:
    """Return the region's nodes with canonical names, the formal inputs and the name of the result."""
    names: dict[int, str] = {id(t): f"x{i + 1}" for i, t in enumerate(region.sources)}
    names |= {id(t): f"c{i + 1}" for i, t in enumerate(region.constants)}
    formal = list(names.values())
    for node in region.nodes:
        for tensor in node.outputs:
            names[id(tensor)] = f"t{len(names) - len(formal) + 1}"
    names[id(region.output)] = "y"
    body = []
    for node in region.nodes:
        proto = to_proto(node)
        copy = helper.make_node(
            proto.op_type,
            [names[id(t)] if not t.is_empty() else "" for t in node.inputs],
            [names[id(t)] if t.name else "" for t in node.outputs],
            domain=proto.domain,
        )
        copy.attribute.extend(sorted(proto.attribute, key=lambda a: a.name))
        body.append(copy)
    return body, formal, "y"
