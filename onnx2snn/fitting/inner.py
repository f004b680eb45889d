"""The network up to where results become answers: errors are seen there that a softmax near 1 or an arg max hides."""

import onnx

from onnx2snn_runtime.ir.large import is_large
from onnx2snn_runtime.loading import place
from onnx2snn_runtime.model import SpikingModel


def before_readout(snn: SpikingModel) -> SpikingModel:
    """Return a twin of `snn` whose outputs are the values that its readouts read, and its other outputs.

    `snn` itself where it has no readout, where types are not known, or where it is too large for a twin.
    """
    program = snn.program
    made = {name for item in program.readout for name in item.outputs}
    wanted = [name for item in program.readout for name in item.inputs] + [port.name for port in program.outputs]
    names = [name for name in dict.fromkeys(wanted) if name in program.varying and name not in made]
    known = {value.name: value for value in (*snn.proto.graph.value_info, *snn.proto.graph.output)}
    typed = all(name in known and known[name].type.tensor_type.elem_type for name in names)
    if not program.readout or not names or not typed or is_large(snn.proto):
        return snn
    twin = onnx.ModelProto()
    twin.CopyFrom(snn.proto)
    del twin.graph.output[:]
    twin.graph.output.extend(known[name] for name in names)
    needed, kept = set(names), []
    for node in reversed(twin.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    nodes = kept[::-1]
    del twin.graph.node[:]
    twin.graph.node.extend(nodes)
    return place(SpikingModel(twin, snn.program.where), str(program.device), program.dtype)
