"""Removes ZipMap, which converts outputs of scikit-learn models to dictionaries, with a warning.

p = Softmax(x); z = ZipMap(p)   ->  z = Softmax(x)
"""

import onnx
from onnx import helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.known_shapes import known_shapes

_FLOAT = onnx.TensorProto.FLOAT


def unzip_maps(work: Work) -> int:
    """Give outputs that are dictionaries the tensors that these were made of, [samples, classes], under their names."""
    graph = work.model.graph
    maps = {node.output[0]: node for node in graph.node if node.op_type == "ZipMap" and node.domain == "ai.onnx.ml"}
    outputs = [value for value in graph.output if value.name in maps]
    if not outputs:
        return 0
    shapes, kinds = known_shapes(work.model)
    for value in outputs:
        source = maps[value.name].input[0]
        shape = [size or None for size in shapes.get(source, (None, None))]
        value.CopyFrom(helper.make_tensor_value_info(value.name, kinds.get(source, _FLOAT), shape))
    for node in maps.values():
        node.op_type, node.domain = "Identity", ""
        del node.attribute[:]
    names = ", ".join(repr(value.name) for value in outputs)
    work.warnings.append(f"ZipMap was left out: {names} holds the tensor that its dictionaries were made of")
    return len(outputs)
