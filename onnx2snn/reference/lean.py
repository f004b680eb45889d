"""The part of a model that its shapes depend on, and whether native code survives it: all but the large weights."""

import math

import onnx
from onnx import helper

LARGEST_WEIGHT = 1 << 16
"""Bytes; a larger weight is an input to the process that tries the model out."""


def without_weights(model: onnx.ModelProto, largest: int | None = None) -> tuple[onnx.ModelProto, int]:
    """Return `model` with its weights of more than `largest` bytes as inputs in their place, and the bytes spared."""
    largest = LARGEST_WEIGHT if largest is None else largest
    lean, graph, spared = onnx.ModelProto(), model.graph, 0
    for field, value in model.ListFields():
        if field.name != "graph":
            lean.MergeFrom(onnx.ModelProto(**{field.name: value}))
    for field, value in graph.ListFields():
        if field.name != "initializer":
            lean.graph.MergeFrom(onnx.GraphProto(**{field.name: value}))
    inputs = {value.name for value in graph.input}
    for tensor in graph.initializer:
        size = len(tensor.raw_data)
        if size <= largest or not _is_whole(tensor):
            lean.graph.initializer.append(tensor)
            continue
        spared += size
        if tensor.name not in inputs:
            lean.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return lean, spared


def _is_whole(tensor: onnx.TensorProto) -> bool:
    """Return whether the bytes of a weight are those that its type and sizes need."""
    if tensor.data_type not in helper.get_all_tensor_dtypes() or tensor.data_type == onnx.TensorProto.STRING:
        return False
    return len(tensor.raw_data) == math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
