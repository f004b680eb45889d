"""Writes operators on quantised tensors as the float operator between quantisers, so that weights are seen as such.

y = QLinearConv(x, ..., w, ...)                  ->  y = Quantize(Conv(Dequantize(x), Dequantize(w)))
q, s, z = DynamicQuantizeLinear(x)               ->  q = x; s = 1; z = 0
y = MatMulInteger(q, w, z, zw); a = y * (s sw)   ->  y = MatMul(q, float(w) - zw); ...

A quantiser that measures its range at run time, over the whole batch, is left out (its range is what calibration
measures instead), with a warning; the static ones stay, and become part of neurons.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.passes.base import Work

_MS = "com.microsoft"
_FLOAT = onnx.TensorProto.FLOAT


@dataclass
class Writer:
    """Collects the nodes that stand for one node; `constants` are the model's initializers by name."""

    node: onnx.NodeProto
    constants: dict[str, onnx.TensorProto]
    exact: set[str]
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def add(self, op: str, inputs: list[str], output: str = "", **attributes: object) -> str:
        """Append a node and return the name of its output."""
        name = output or f"{self.node.output[0]}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def constant(self, value: np.ndarray, output: str = "") -> str:
        """Append a constant and return its name."""
        return self.add("Constant", [], output, value=numpy_helper.from_array(value))

    def real(self, first: int, axis: int = 1) -> str:
        """Return the dequantised input at `first`, its scale and zero point being the two inputs after it."""
        return self.add("DequantizeLinear", self.taken(first, first + 3), axis=axis)

    def taken(self, first: int, end: int) -> list[str]:
        """Return inputs without the omitted ones at the end."""
        names = list(self.node.input[first:end])
        while names and not names[-1]:
            names.pop()
        return names

    def quantised(self, y: str, first: int) -> None:
        """Quantise `y` with the scale and the zero point at `first`; without them it is the result as it is."""
        scale = self.taken(first, first + 2)
        self.add("QuantizeLinear" if scale else "Identity", [y, *scale], self.node.output[0])

    def attributes(self, *without: str) -> dict[str, object]:
        """Return the attributes of the node but for those named."""
        return {a.name: helper.get_attribute_value(a) for a in self.node.attribute if a.name not in without}

    def integers(self, index: int, zero: int, axis: int) -> str:
        """Return input `index` of integers as floats, less its zero point, which lies along `axis`."""
        name = self.node.input[index]
        point = self.node.input[zero] if len(self.node.input) > zero else ""
        if name in self.constants and (point in self.constants or not point):
            value = numpy_helper.to_array(self.constants[name]).astype(np.float32)
            offset = numpy_helper.to_array(self.constants[point]).astype(np.float32) if point else np.zeros(1)
            shape = [1] * value.ndim
            shape[axis] = -1
            return self.constant((value - offset.reshape(shape)).astype(np.float32))
        if name in self.exact:
            return name
        x = self.add("Cast", [name], to=_FLOAT)
        return self.add("Sub", [x, self.add("Cast", [point], to=_FLOAT)]) if point else x


def expand_quantised(work: Work) -> int:
    """Rewrite `work.model`; operators that only look like it (channels last) are left for the check to refuse."""
    graph = work.model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    exact: set[str] = set()
    nodes, changed, dynamic = [], 0, 0
    for node in graph.node:
        rule = _RULES.get((node.domain if node.domain != "ai.onnx" else "", node.op_type))
        if rule is None or any(a.name == "channels_last" and a.i for a in node.attribute):
            nodes.append(node)
            continue
        writer = Writer(node, constants, exact)
        rule(writer)
        nodes += writer.nodes
        changed += 1
        dynamic += node.op_type.startswith("Dynamic")
    if changed:
        del graph.node[:]
        graph.node.extend(nodes)
    if dynamic:
        work.warnings.append(
            f"the model quantises activations by ranges measured at run time ({dynamic} times); a spiking network has "
            "its own ranges from calibration, so these quantisers were left out"
        )
    return changed


def _unary(op: str) -> Callable[[Writer], None]:
    def rule(w: Writer) -> None:
        w.quantised(w.add(op, [w.real(0)], **w.attributes("channels_last", "opset")), 3)

    return rule


def _binary(op: str) -> Callable[[Writer], None]:
    return lambda w: w.quantised(w.add(op, [w.real(0), w.real(3)]), 6)


def _conv(w: Writer) -> None:
    operands = [w.real(0), w.real(3, axis=0), *_bias(w, 8, 1, 4)]
    w.quantised(w.add("Conv", operands, **w.attributes()), 6)


def _gemm(w: Writer) -> None:
    transposed = bool(w.attributes().get("transB", 0))
    operands = [w.real(0), w.real(3, axis=0 if transposed else 1)]
    w.quantised(w.add("Gemm", [*operands, *_bias(w, 6, 1, 4)], **w.attributes()), 7)


def _bias(w: Writer, index: int, first: int, second: int) -> list[str]:
    """Return the bias at `index`, integers in the unit of the product of two scales."""
    if len(w.node.input) <= index or not w.node.input[index]:
        return []
    unit = w.add("Mul", [w.node.input[first], w.node.input[second]])
    return [w.add("Mul", [w.add("Cast", [w.node.input[index]], to=_FLOAT), unit])]


def _concat(w: Writer) -> None:
    parts = [w.real(first) for first in range(2, len(w.node.input), 3)]
    w.quantised(w.add("Concat", parts, **w.attributes()), 0)


def _dynamic(w: Writer) -> None:
    q, scale, zero = w.node.output
    w.add("Identity", [w.node.input[0]], q)
    w.constant(np.ones((), np.float32), scale)
    w.constant(np.zeros((), np.float32), zero)
    w.exact.add(q)


def _integer(op: str) -> Callable[[Writer], None]:
    def rule(w: Writer) -> None:
        operands = [w.integers(0, 2, -1), w.integers(1, 3, 0 if op == "Conv" else -1)]
        w.add(op, operands, w.node.output[0], **w.attributes())

    return rule


_RULES: dict[tuple[str, str], Callable[[Writer], None]] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): lambda w: w.quantised(w.add("MatMul", [w.real(0), w.real(3, axis=-1)]), 6),
    ("", "DynamicQuantizeLinear"): _dynamic,
    ("", "MatMulInteger"): _integer("MatMul"),
    ("", "ConvInteger"): _integer("Conv"),
    (_MS, "QGemm"): _gemm,
    (_MS, "QLinearConcat"): _concat,
    **{(_MS, f"QLinear{op}"): _binary(op) for op in ("Add", "Mul")},
    **{
        (_MS, f"QLinear{op}"): _unary(op)
        for op in ("Sigmoid", "LeakyRelu", "Softmax", "GlobalAveragePool", "AveragePool")
    },
}
