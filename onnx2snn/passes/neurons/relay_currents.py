"""Puts a neuron of the identity where a current would meet weights: after it all that meets weights is spikes.

c = Conv(h, w); e = Conv(c, u)   ->  c = Conv(h, w); r = onnx2snn.SpikingIdentity(c) [sources 1]; e = Conv(r, u)

The output of a synapse changes wherever one of its inputs did, in a network with linear bottlenecks nearly everywhere;
a neuron sends of it what changed by more than its dead zone.
"""

from collections.abc import Callable, Iterable, Iterator

import onnx
from onnx import helper

from onnx2snn.passes.base import Work
from onnx2snn_runtime.ir.flow import analyse
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.schema import DOMAIN, functions_of, is_neuron, read_neuron

NAME = "SpikingIdentity"


def relay_currents(work: Work) -> int:
    """Relay every current that meets weights, or another activation in a product, outside of rolled recurrences."""
    if not work.relays:
        return 0
    graph = work.model.graph
    spiking = [v.name for v in graph.input if work.encoder != "direct" and _is_float(v)]
    varying = analyse(graph, spiking).varying
    currents = _currents(graph, varying)
    products = {name for name, body in functions_of(work.model).items() if _multiplies(body)}
    return insert_relays(work, currents, lambda node: factors(node, varying, products))


def insert_relays(work: Work, values: set[str], chosen: Callable[[onnx.NodeProto], Iterable[int]]) -> int:
    """Put a neuron between each of `values` and the inputs of nodes that `chosen` names; return how many."""
    graph = work.model.graph
    relayed: dict[str, onnx.NodeProto] = {}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        for index in chosen(node):
            value = node.input[index]
            if value not in values:
                continue
            if value not in relayed:
                relayed[value] = _relay(value)
                graph.node.append(relayed[value])
            node.input[index] = relayed[value].output[0]
        graph.node.append(node)
    if relayed and NAME not in functions_of(work.model):
        imports = [o for o in work.model.opset_import if o.domain != DOMAIN]
        body = [helper.make_node("Identity", ["x1"], ["y"])]
        work.model.functions.append(helper.make_function(DOMAIN, NAME, ["x1"], ["y"], body, imports))
    return len(relayed)


def _relay(value: str) -> onnx.NodeProto:
    """Return the neuron that sends `value` on."""
    return helper.make_node(NAME, [value], [f"{value}/relay"], f"{NAME}/{value}", domain=DOMAIN, sources=1)


def _currents(graph: onnx.GraphProto, varying: frozenset[str]) -> set[str]:
    """Return the values that weights made, with no neuron since."""
    found: set[str] = set()
    for node in graph.node:
        made = not is_neuron(node) and (facts(node.op_type, node.domain).weighted or found.intersection(node.input))
        if made and varying.intersection(node.input):
            found.update(name for name in node.output if name in varying)
    return found


def factors(node: onnx.NodeProto, varying: frozenset[str], products: set[str]) -> Iterator[int]:
    """Yield the inputs of `node` that meet weights, or one another."""
    if is_neuron(node):
        yield from range(read_neuron(node).sources) if node.op_type in products else ()
        return
    held = facts(node.op_type, node.domain)
    if held.weighted:
        yield from (i for i, name in enumerate(node.input) if name in varying and held.role(i) == "f")


def _multiplies(body: onnx.FunctionProto) -> bool:
    """Return whether a neuron's function multiplies activations by a weighted operator."""
    return any(facts(node.op_type, node.domain).weighted for node in body.node)


def _is_float(value: onnx.ValueInfoProto) -> bool:
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    return value.type.tensor_type.elem_type in kinds
