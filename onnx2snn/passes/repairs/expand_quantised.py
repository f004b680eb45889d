"""Expands quantised operators to float operators between quantisers, so that their weights are synapses.

y = QLinearConv(x, ..., w, ...)                  ->  y = Quantize(Conv(Dequantize(x), Dequantize(w)))
q, s, z = DynamicQuantizeLinear(x)               ->  q = x; s = 1; z = 0
y = MatMulInteger(q, w, z, zw); a = y * (s sw)   ->  y = MatMul(q, float(w) - zw); ...

A quantiser that measures its range at run time, over the whole batch, is left out (its range is what calibration
measures instead), with a warning; the static ones stay, and become part of neurons.
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.passes.base import Work
from onnx2snn.passes.repairs import quantised_weights
from onnx2snn.passes.rewriting.node_writer import Writer, replace_nodes

_MS = "com.microsoft"
_FLOAT = onnx.TensorProto.FLOAT
_AT_RUN_TIME = ("DynamicQuantizeLinear", "DynamicQuantizeLSTM")
"""What measures the range of an activation anew in every run."""


def expand_quantised(work: Work) -> int:
    """Rewrite `work.model`; operators that only look like it (channels last) are left for the check to refuse."""
    dynamic = sum(node.op_type in _AT_RUN_TIME for node in work.model.graph.node)
    changed = replace_nodes(work.model, _RULES, _fits)
    if dynamic:
        work.warnings.append(
            f"the model quantises activations by ranges measured at run time ({dynamic} times); a spiking network has "
            "its own ranges from calibration, so these quantisers were left out"
        )
    return changed


def _fits(node: onnx.NodeProto) -> bool:
    return not any(a.name == "channels_last" and a.i for a in node.attribute)


def _real(w: Writer, first: int, axis: int = 1) -> str:
    """Return the dequantised input at `first`, its scale and zero point being the two inputs after it."""
    return w.add("DequantizeLinear", w.taken(first, first + 3), axis=axis)


def _quantise(w: Writer, y: str, first: int) -> None:
    """Quantise `y` with the scale and the zero point at `first`; without them it is the result as it is."""
    scale = w.taken(first, first + 2)
    w.add("QuantizeLinear" if scale else "Identity", [y, *scale], w.node.output[0])


def _difference(w: Writer, index: int, zero: int, axis: int) -> str:
    """Return input `index` of integers as floats, less its zero point, which lies along `axis`."""
    name = w.node.input[index]
    point = w.node.input[zero] if len(w.node.input) > zero else ""
    if name in w.constants and (point in w.constants or not point):
        value = numpy_helper.to_array(w.constants[name]).astype(np.float32)
        offset = numpy_helper.to_array(w.constants[point]).astype(np.float32) if point else np.zeros(1, np.float32)
        shape = [1] * value.ndim
        shape[axis] = -1
        return w.constant(value - offset.reshape(shape))
    if name in w.exact:
        return name
    x = w.add("Cast", [name], to=_FLOAT)
    return w.add("Sub", [x, w.add("Cast", [point], to=_FLOAT)]) if point else x


def _unary(op: str) -> Callable[[Writer], None]:
    def rule(w: Writer) -> None:
        _quantise(w, w.add(op, [_real(w, 0)], **w.attributes("channels_last", "opset")), 3)

    return rule


def _binary(op: str) -> Callable[[Writer], None]:
    return lambda w: _quantise(w, w.add(op, [_real(w, 0), _real(w, 3)]), 6)


def _conv(w: Writer) -> None:
    operands = [_real(w, 0), _real(w, 3, axis=0), *_bias(w, 8, 1, 4)]
    _quantise(w, w.add("Conv", operands, **w.attributes()), 6)


def _gemm(w: Writer) -> None:
    transposed = bool(w.attributes().get("transB", 0))
    operands = [_real(w, 0), _real(w, 3, axis=0 if transposed else 1)]
    _quantise(w, w.add("Gemm", [*operands, *_bias(w, 6, 1, 4)], **w.attributes()), 7)


def _bias(w: Writer, index: int, first: int, second: int) -> list[str]:
    """Return the bias at `index`, integers in the unit of the product of two scales."""
    if len(w.node.input) <= index or not w.node.input[index]:
        return []
    unit = w.add("Mul", [w.node.input[first], w.node.input[second]])
    return [w.add("Mul", [w.add("Cast", [w.node.input[index]], to=_FLOAT), unit])]


def _concat(w: Writer) -> None:
    parts = [_real(w, first) for first in range(2, len(w.node.input), 3)]
    _quantise(w, w.add("Concat", parts, **w.attributes()), 0)


def _dynamic(w: Writer) -> None:
    q, scale, zero = w.node.output
    w.add("Identity", [w.node.input[0]], q)
    w.constant(np.ones((), np.float32), scale)
    w.constant(np.zeros((), np.float32), zero)
    w.exact.add(q)


def _integer(op: str) -> Callable[[Writer], None]:
    def rule(w: Writer) -> None:
        operands = [_difference(w, 0, 2, -1), _difference(w, 1, 3, 0 if op == "Conv" else -1)]
        w.add(op, operands, w.node.output[0], **w.attributes())

    return rule


def _where(w: Writer) -> None:
    _quantise(w, w.add("Where", [w.node.input[0], _real(w, 1), _real(w, 4)]), 7)


_RULES: dict[tuple[str, str], Callable[[Writer], None]] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): lambda w: _quantise(w, w.add("MatMul", [_real(w, 0), _real(w, 3, axis=-1)]), 6),
    ("", "DynamicQuantizeLinear"): _dynamic,
    ("", "MatMulInteger"): _integer("MatMul"),
    ("", "ConvInteger"): _integer("Conv"),
    (_MS, "QGemm"): _gemm,
    (_MS, "QLinearWhere"): _where,
    **{(_MS, name): rule for name, rule in quantised_weights.RULES.items()},
    (_MS, "QLinearConcat"): _concat,
    **{(_MS, f"QLinear{op}"): _binary(op) for op in ("Add", "Mul")},
    **{
        (_MS, f"QLinear{op}"): _unary(op)
        for op in ("Sigmoid", "LeakyRelu", "Softmax", "GlobalAveragePool", "AveragePool")
    },
}
