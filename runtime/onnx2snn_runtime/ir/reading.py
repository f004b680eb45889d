"""Checks that a model in memory refers to nothing outside itself, such as external data."""

from collections.abc import Iterable, Iterator

import onnx

from onnx2snn_runtime.errors import InputError


def check_inside(model: onnx.ModelProto) -> None:
    """Raise InputError for a weight that lies in a file: it would be looked for in the folder that one works in."""
    for tensor in tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise InputError(
                f"the weight {tensor.name!r} lies in a file beside the model: give the path of the model, or a model "
                "that onnx.load has read with its weights"
            )


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of `model`: weights, and those of attributes, in subgraphs and functions too."""
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from _of_nodes(function.node)


def _of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    yield from (part for sparse in graph.sparse_initializer for part in (sparse.values, sparse.indices))
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for graph in (attribute.g, *attribute.graphs):
                yield from _of_graph(graph)
