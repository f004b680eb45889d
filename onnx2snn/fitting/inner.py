"""The network up to where results become answers: errors are seen there that a softmax near 1 or an arg max hides."""

from collections.abc import Iterable

import onnx

from onnx2snn_runtime.ir.flow import FLOATS
from onnx2snn_runtime.ir.large import is_large
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.schema import functions_of, is_neuron, read_neuron
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel


def before_answers(snn: SpikingModel) -> SpikingModel:
    """Return a twin of `snn` whose outputs are the values that its answers are made of, and its other outputs.

    Answers are made by readouts, and by the populations of `answering`; what these give stays an output. The twin is
    `snn` itself where nothing makes answers, where types are not known, or where it is too large for a twin.
    """
    program, graph = snn.program, snn.proto.graph
    names = _results(snn)
    known = {value.name: value for value in (*graph.value_info, *graph.output)}
    typed = all(name in known and known[name].type.tensor_type.elem_type for name in names)
    if not names or not typed or is_large(snn.proto):
        return snn
    real = {name for name, value in known.items() if value.type.tensor_type.elem_type in FLOATS}
    read = [name for node in answering(snn) for name in node.input[: read_neuron(node).sources]]
    behind = [name for name in dict.fromkeys(read) if name in real and name not in names]
    if not program.readout and not behind:
        return snn
    twin = _ending_at(snn.proto, [known[name] for name in (*names, *behind)])
    return place(SpikingModel(twin, program.where), str(program.device), program.dtype)


def answering(snn: SpikingModel) -> list[onnx.NodeProto]:
    """Return the neurons that round or saturate, and that no layer with weights follows: what they give is an answer.

    A quantised network ends in such a population: it rounds what a softmax gives.
    """
    functions, reached, found = functions_of(snn.proto), set(_results(snn)), []
    for node in reversed(snn.proto.graph.node):
        if not reached.intersection(node.output):
            continue
        if is_neuron(node):
            body = [facts(part.op_type, part.domain) for part in functions[node.op_type].node]
            found += [node] if any(held.readout or held.rounds for held in body) else []
        elif not facts(node.op_type, node.domain).weighted:
            reached.update(node.input)
    return found


def _results(snn: SpikingModel) -> list[str]:
    """Return the values that readouts read, and the outputs that none makes."""
    program = snn.program
    made = {name for item in program.readout for name in item.outputs}
    wanted = [name for item in program.readout for name in item.inputs] + [port.name for port in program.outputs]
    return [name for name in dict.fromkeys(wanted) if name in program.varying and name not in made]


def _ending_at(model: onnx.ModelProto, outputs: Iterable[onnx.ValueInfoProto]) -> onnx.ModelProto:
    """Return a copy of `model` that computes `outputs` alone."""
    twin = onnx.ModelProto()
    twin.CopyFrom(model)
    del twin.graph.output[:]
    twin.graph.output.extend(outputs)
    needed, kept = {port.name for port in twin.graph.output}, []
    for node in reversed(twin.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    nodes = kept[::-1]
    del twin.graph.node[:]
    twin.graph.node.extend(nodes)
    return twin
