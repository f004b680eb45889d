"""Checks of a model before anything is done with it: names are text, weights are complete and inside the model."""

import math
import re
from collections.abc import Iterable, Iterator

import onnx
from onnx import TensorProto, helper

from onnx2snn_runtime.errors import InputError, ModelError


def check_inside(model: onnx.ModelProto) -> None:
    """Raise InputError for a weight that lies in a file: it would be looked for in the folder that one works in."""
    for tensor in tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise InputError(
                f"the weight {tensor.name!r} lies in a file beside the model: give the path of the model, or a model "
                "that onnx.load has read with its weights"
            )


def check_contents(model: onnx.ModelProto, where: str) -> None:
    """Raise ModelError for a name that is no UTF-8 text, and for a weight with other than the bytes that it needs."""
    for text in _texts(model):
        if isinstance(text, bytes):  # protobuf's way to say that it could not decode it
            raise ModelError(
                f"{where} holds a name that is no text, {text[:40]!r}: the file is damaged; export it anew"
            )
    for tensor in tensors(model):
        wrong = _wrong_size(tensor)
        if wrong:
            raise ModelError(f"the weight {tensor.name!r} of {where} {wrong}: the file is damaged; export it anew")


def _wrong_size(tensor: TensorProto) -> str:
    """Return what is wrong with the size of `tensor`, '' where nothing is, or where its data lie elsewhere."""
    if tensor.data_type not in TensorProto.DataType.values() or tensor.data_type == TensorProto.UNDEFINED:
        return f"has the type {tensor.data_type}, which is none"
    if any(size < 0 for size in tensor.dims):
        return f"has the shape {tuple(tensor.dims)}"
    if tensor.data_location == TensorProto.EXTERNAL or tensor.data_type == TensorProto.STRING:
        return ""
    if not tensor.HasField("raw_data"):
        given, wanted = len(getattr(tensor, helper.tensor_dtype_to_field(tensor.data_type))), math.prod(tensor.dims)
        packed = tensor.data_type in (*_BITS, TensorProto.COMPLEX64, TensorProto.COMPLEX128)
        return "" if packed or given == wanted else f"has {given} numbers in place of {wanted}"
    bits = _BITS.get(tensor.data_type) or 8 * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    wanted, given = -(-math.prod(tensor.dims) * bits // 8), len(tensor.raw_data)
    return "" if given == wanted else f"has {given} bytes in place of {wanted}"


_BITS = {
    kind: int(re.findall(r"\d", name)[0])
    for name, kind in TensorProto.DataType.items()
    if re.fullmatch(r"U?INT[24]|FLOAT[46]E\w+", name)
}
"""Types of which several numbers share a byte."""


def _texts(model: onnx.ModelProto) -> Iterator[str | bytes]:
    yield from (model.producer_name, model.domain, *(o.domain for o in model.opset_import))
    yield from (text for entry in model.metadata_props for text in (entry.key, entry.value))
    yield from _texts_of(model.graph)
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output, *function.attribute)
        yield from _texts_of_nodes(function.node)


def _texts_of(graph: onnx.GraphProto) -> Iterator[str | bytes]:
    yield graph.name
    yield from (tensor.name for tensor in graph.initializer)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (d.dim_param for d in value.type.tensor_type.shape.dim)
    yield from _texts_of_nodes(graph.node)


def _texts_of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[str | bytes]:
    for node in nodes:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
            for graph in (attribute.g, *attribute.graphs) if attribute.type in _GRAPHS else ():
                yield from _texts_of(graph)


_GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)


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
