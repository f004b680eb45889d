"""Expands static quantisers to float arithmetic.

q = QuantizeLinear(x, s, z); y = DequantizeLinear(q, s, z)   ->  y = (Clip(Round(x / s) + z, least, most) - z) s

onnxruntime replaces operators between quantisers by ones of integers, and quantises weights anew for that, by default:
a file with neurons between its quantisers would be another network there. Between the two, where something else reads
them, the integers are cast. Source: ONNX's definitions of both operators.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.known_shapes import known_shapes
from onnx2snn.passes.rewriting.node_writer import Writer, replace_nodes
from onnx2snn_runtime.errors import ModelError

_RANGES: dict[int, tuple[int, int]] = {
    TensorProto.UINT8: (0, 255),
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT16: (0, 65535),
    TensorProto.INT16: (-32768, 32767),
    TensorProto.UINT4: (0, 15),
    TensorProto.INT4: (-8, 7),
}


def write_quantisers(work: Work) -> int:
    """Rewrite every quantiser of constant scale, and what reads it again, but those of blocks and of float 8."""
    if not any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in work.model.graph.node):
        return 0
    pair = _Pair({})
    rules = {("", "QuantizeLinear"): pair.quantise, ("", "DequantizeLinear"): pair.dequantise}
    return replace_nodes(work.model, rules, _is_plain, *known_shapes(work.model))


def _is_plain(node: onnx.NodeProto) -> bool:
    return not any(a.name in ("block_size", "precision") and a.i for a in node.attribute)


@dataclass(frozen=True)
class _Pair:
    """The rules of both operators; `numbers` holds, by the name of a quantised tensor, that of the same as floats."""

    numbers: dict[str, str]

    def quantise(self, w: Writer) -> None:
        kind = int(w.attributes().get("output_dtype", 0)) or w.kinds.get(w.read(2), TensorProto.UINT8)
        known = _scale_and_zero(w)
        if known is None or kind not in _RANGES:
            return
        scale, zero = known
        y = w.add("Round", [w.add("Div", [w.node.input[0], w.constant(scale)])])
        y = w.add("Add", [y, w.constant(zero)]) if zero.any() else y
        y = w.add("Clip", [y, *(w.constant(np.asarray(limit, scale.dtype)) for limit in _RANGES[kind])])
        w.add("Cast", [y], w.node.output[0], to=kind)
        self.numbers[w.node.output[0]] = y

    def dequantise(self, w: Writer) -> None:
        known = _scale_and_zero(w)
        if known is None:
            return
        scale, zero = known
        kind = helper.np_dtype_to_tensor_dtype(scale.dtype)
        x = self.numbers.get(w.node.input[0]) or w.add("Cast", [w.node.input[0]], to=kind)
        x = w.add("Sub", [x, w.constant(zero)]) if zero.any() else x
        w.add("Mul", [x, w.constant(scale)], w.node.output[0])


def _scale_and_zero(w: Writer) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the scale and the zero point, both as floats along their axis; None where they are no constants."""
    scale, zero = w.value(w.read(1)), w.value(w.read(2))
    if scale is None or (w.read(2) and zero is None) or w.node.input[0] in w.constants:
        return None
    zero = np.zeros_like(scale) if zero is None else zero.astype(scale.dtype)
    if zero.size != scale.size:
        raise ModelError(
            f"the zero point of the {w.node.op_type} node {w.node.name!r} has the shape {list(zero.shape)} and its "
            f"scale {list(scale.shape)}: both need the same; export the model again"
        )
    if not (np.isfinite(scale) & (scale > 0)).all():
        raise ModelError(
            f"the {w.node.op_type} node {w.node.name!r} has a scale that is 0, negative or not finite: quantise the "
            "model again"
        )
    if scale.size == 1:
        return scale.reshape(()), zero.reshape(())
    shape = w.shapes.get(w.node.input[0])
    if shape is None:
        return None  # an axis of a tensor of unknown rank
    along = [1] * len(shape)
    along[int(w.attributes().get("axis", 1))] = -1
    return scale.reshape(along), zero.reshape(along)
