"""Brings a graph to one floating-point type: tensors, constants, casts and declared types."""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import helper, numpy_helper

FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
TYPED = ("to", "dtype", "output_dtype")
"""Attributes that name a type."""
ALWAYS_FLOAT32 = {"Resize": (2,), "Upsample": (1,)}
"""Inputs that have to be float32, whatever the other types are."""


def bring_to(model: onnx.ModelProto, kind: int) -> None:
    """Make every floating-point value of `model` one of the type `kind`, in place."""
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    kept = {
        node.input[index] for node in nodes for index in ALWAYS_FLOAT32.get(node.op_type, ()) if index < len(node.input)
    }
    for tensor in model.graph.initializer:
        if tensor.data_type in FLOATS - {kind} and tensor.name not in kept:
            tensor.CopyFrom(_converted(tensor, kind))
    for node in nodes:
        if not kept.intersection(node.output):
            _convert_attributes(node.attribute, kind)
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type in FLOATS:
            value.type.tensor_type.elem_type = kind


def _convert_attributes(attributes: Iterable[onnx.AttributeProto], kind: int) -> None:
    for attribute in attributes:
        if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in FLOATS - {kind}:
            attribute.t.CopyFrom(_converted(attribute.t, kind))
        elif attribute.name in TYPED and attribute.type == onnx.AttributeProto.INT and attribute.i in FLOATS:
            attribute.i = kind
        elif attribute.name in ("value_float", "value_floats") and kind != onnx.TensorProto.FLOAT:
            held = np.asarray(helper.get_attribute_value(attribute), helper.tensor_dtype_to_np_dtype(kind))
            attribute.CopyFrom(helper.make_attribute("value", numpy_helper.from_array(held)))


def _converted(tensor: onnx.TensorProto, kind: int) -> onnx.TensorProto:
    array = numpy_helper.to_array(tensor).astype(np.float64)
    return numpy_helper.from_array(array.astype(helper.tensor_dtype_to_np_dtype(kind)), tensor.name)
