"""Converts sparse weights to dense ones, as neither shape inference nor the runtime supports sparse tensors.

sparse_initializer w = {2: 0.5} of [4]              ->  initializer w = [0, 0, 0.5, 0]
w = Constant<sparse_value = {2: 0.5} of [4]>()      ->  w = Constant<value = [0, 0, 0.5, 0]>()
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.graph_tools import graphs_of


def densify_weights(work: Work) -> int:
    """Rewrite sparse initializers and constants, those of subgraphs too."""
    changed = 0
    for graph in graphs_of(work.model.graph):
        changed += len(graph.sparse_initializer)
        graph.initializer.extend(_dense(tensor) for tensor in graph.sparse_initializer)
        del graph.sparse_initializer[:]
        changed += sum(_constant(node) for node in graph.node)
    return changed + sum(_constant(node) for function in work.model.functions for node in function.node)


def _constant(node: onnx.NodeProto) -> int:
    sparse = [a for a in node.attribute if a.name == "sparse_value"]
    if node.op_type != "Constant" or not sparse:
        return 0
    value = _dense(sparse[0].sparse_tensor)
    node.attribute.remove(sparse[0])
    node.attribute.append(helper.make_attribute("value", value))
    return 1


def _dense(tensor: onnx.SparseTensorProto) -> onnx.TensorProto:
    """Return the tensor with its zeros; places are counted along all axes as one, or given axis by axis."""
    values = numpy_helper.to_array(tensor.values)
    places = numpy_helper.to_array(tensor.indices)
    dense = np.zeros(tuple(tensor.dims), values.dtype)
    if places.ndim == 2:
        dense[tuple(places.T)] = values
    else:
        dense.reshape(-1)[places] = values
    return numpy_helper.from_array(dense, tensor.values.name)
