"""Refuses weights that are no numbers, by name: what they make of the outputs is no network to convert.

NaN anywhere, or an infinity that a weighted or learned operator takes as weight or bias  ->  ModelError

An infinity is legal elsewhere: in an additive mask, as the value that Pad pads with, as a bound of Clip.
"""

import math
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from onnx2snn.passes.base import Work
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.reading import tensors

_FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)


def check_weights(work: Work) -> int:
    """Raise ModelError with the names of the weights that hold NaN, or infinities where these are multiplied by."""
    infinite: set[str] = set()
    for tensor in tensors(work.model):
        if tensor.data_type not in _FLOATS:
            continue
        values = numpy_helper.to_array(tensor)
        if np.isfinite(values).all():
            continue
        wrong = int(np.isnan(values).sum())
        if wrong:
            raise ModelError(
                f"{_weight(tensor)} of {work.where} holds NaN ({wrong} of {values.size} numbers): train or "
                "export the network anew"
            )
        infinite.add(tensor.name)
    _check_attributes(work)
    _check_variances(work)
    _check_products(work.model.graph.node, {name: name for name in infinite}, work)
    return 0


def _check_attributes(work: Work) -> None:
    for node in _nodes(work.model):
        for attribute in node.attribute:
            if math.isnan(attribute.f) or any(map(math.isnan, attribute.floats)):
                raise ModelError(
                    f"the attribute {attribute.name!r} of the {node.op_type} node {_named(node)!r} in {work.where} "
                    "holds NaN: train or export the network anew"
                )


def _check_variances(work: Work) -> None:
    """Raise ModelError for a batch normalization by the root of a negative number."""
    held = {tensor.name: tensor for tensor in work.model.graph.initializer}
    for node in work.model.graph.node:
        if node.op_type != "BatchNormalization" or len(node.input) < 5 or node.input[4] not in held:
            continue
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        if (numpy_helper.to_array(held[node.input[4]]) + epsilon < 0).any():
            raise ModelError(
                f"the variance {node.input[4]!r} of the BatchNormalization node {_named(node)!r} in {work.where} is "
                "negative, and its root no number: train or export the network anew"
            )


def _check_products(nodes: list[onnx.NodeProto], infinite: dict[str, str], work: Work) -> None:
    """Raise ModelError where an operator takes one of the constants `infinite`, or what constants make of it."""
    if not infinite and not any(n.op_type == "Constant" for n in nodes):
        return
    static = {tensor.name for tensor in work.model.graph.initializer}
    for node in nodes:
        held = facts(node.op_type, node.domain)
        own = next((a.t.name for a in node.attribute if a.HasField("t") and a.t.name in infinite), None)
        found = own if own is not None else next((infinite[name] for name in node.input if name in infinite), None)
        if found is not None and own is None and (held.weighted or held.learned):
            raise ModelError(
                f"the weight {found!r} of {work.where}, which the {node.op_type} node {_named(node)!r} multiplies by "
                "or adds as its bias, holds infinite numbers: train or export the network anew"
            )
        if all(name in static or not name for name in node.input):
            static.update(node.output)
            if found is not None:
                infinite.update((name, found or name) for name in node.output)


def _weight(tensor: TensorProto) -> str:
    return f"the weight {tensor.name!r}" if tensor.name else "a constant without a name"


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    yield from model.graph.node
    for function in model.functions:
        yield from function.node


def _named(node: onnx.NodeProto) -> str:
    return node.name or next((name for name in node.output if name), "")
