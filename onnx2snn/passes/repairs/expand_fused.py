"""Writes the fused operators of onnxruntime's optimizer out, so that their weights are synapses.

y = FusedConv(x, w, b, z)            ->  y = activation(Conv(x, w, b) + z)      likewise FusedGemm
y = FusedMatMul(a, b)                ->  y = alpha Einsum("...ij,...jk->...ik", a, b), with its transpositions
y = MatMulIntegerToFloat(a, b, ...)  ->  y = MatMulInteger(a, b, ...) sa sb + bias
y = EmbedLayerNormalization(ids)     ->  y = LayerNormalization(Gather(words, ids) + places + Gather(segments, types))
"""

from collections.abc import Callable

import numpy as np
import onnx

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.node_writer import Writer, replace_nodes

_MS = "com.microsoft"
_FLOAT = onnx.TensorProto.FLOAT
_PLAIN = ("Relu", "Tanh", "Sigmoid")
_ALIKE = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta")}


def expand_fused(work: Work) -> int:
    """Rewrite `work.model`; what is transposed across its batch axes keeps its operator."""
    return replace_nodes(work.model, _RULES, _fits)


def _fits(node: onnx.NodeProto) -> bool:
    return not any(a.name in ("transBatchA", "transBatchB") and a.i for a in node.attribute)


def _activate(w: Writer, y: str, parameters: list[float]) -> None:
    name = w.attributes().get("activation", b"").decode()
    if name in _ALIKE:
        w.add(name, [y], w.node.output[0], **dict(zip(_ALIKE[name], parameters, strict=False)))
    elif name == "Clip":
        w.add(name, [y, *(w.constant(np.float32(value)) for value in parameters)], w.node.output[0])
    elif name in (*_PLAIN, ""):
        w.add(name or "Identity", [y], w.node.output[0])
    else:
        w.nodes.clear()  # an activation of its own: the operator stays


def _conv(w: Writer) -> None:
    y = w.add("Conv", w.taken(0, 3), **w.attributes("activation", "activation_params"))
    if len(w.node.input) > 3:
        y = w.add("Add", [y, w.node.input[3]])
    _activate(w, y, list(w.attributes().get("activation_params", [])))


def _gemm(w: Writer) -> None:
    own = ("activation", "activation_alpha", "activation_beta", "activation_gamma")
    given = w.attributes()
    y = w.add("Gemm", w.taken(0, 3), **w.attributes(*own))
    _activate(w, y, [given[name] for name in own[1:] if name in given])


def _matmul(w: Writer) -> None:
    a = w.attributes()
    left, right = "ji" if a.get("transA") else "ij", "kj" if a.get("transB") else "jk"
    product = f"...{left},...{right}->...ik"
    alpha = a.get("alpha", 1.0)
    y = w.add("Einsum", list(w.node.input), "" if alpha != 1 else w.node.output[0], equation=product)
    if alpha != 1:
        w.add("Mul", [y, w.constant(np.float32(alpha))], w.node.output[0])


def _to_float(w: Writer, a: str, zero: str, scales: list[str], bias: int) -> None:
    b, b_zero = w.node.input[1], w.node.input[bias - 1] if len(w.node.input) >= bias else ""
    y = w.add("Cast", [w.add("MatMulInteger", [a, b, zero, b_zero])], to=_FLOAT)
    for scale in scales:
        y = w.add("Mul", [y, scale])
    extra = w.taken(bias, bias + 1)
    w.add("Add" if extra else "Identity", [y, *extra], w.node.output[0])


def _integer(w: Writer) -> None:
    zero = w.node.input[4] if len(w.node.input) > 4 else ""
    _to_float(w, w.node.input[0], zero, list(w.node.input[2:4]), 6)


def _dynamic(w: Writer) -> None:
    stem = w.node.output[0]
    names = [f"{stem}.{part}" for part in ("quantised", "range", "zero")]
    w.nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", [w.node.input[0]], names))
    _to_float(w, names[0], names[2], [names[1], w.node.input[2]], 4)


def _embed(w: Writer) -> None:
    ids, types, words, places, segments, gamma, beta, mask, positions = (*w.node.input, "", "")[:9]
    outputs = (*w.node.output, "", "")
    zero, one = w.constant(np.array([0])), w.constant(np.array([1]))
    if positions:
        place = w.add("Gather", [places, positions])
    else:
        length = w.add("Slice", [w.add("Shape", [ids]), one, w.constant(np.array([2]))])
        place = w.add("Slice", [places, zero, length, zero])
    total = w.add("Add", [w.add("Gather", [words, ids]), place], "" if types else outputs[2])
    if types:
        total = w.add("Add", [total, w.add("Gather", [segments, types])], outputs[2])
    epsilon = w.attributes().get("epsilon", 1e-12)
    _normalise(w, total, [gamma, beta], epsilon)
    if outputs[1]:
        kept = mask or w.add("Sub", [ids, ids])
        w.add("Cast", [w.reduced("ReduceSum", kept, 1, 0)], outputs[1], to=onnx.TensorProto.INT32)


def _normalise(w: Writer, x: str, weights: list[str], epsilon: float) -> None:
    if w.opset >= 17:
        w.add("LayerNormalization", [x, *weights], w.node.output[0], epsilon=epsilon)
        return
    centred = w.add("Sub", [x, w.reduced("ReduceMean", x, -1, 1)])
    variance = w.reduced("ReduceMean", w.add("Mul", [centred, centred]), -1, 1)
    deviation = w.add("Sqrt", [w.add("Add", [variance, w.constant(np.float32(epsilon))])])
    y = w.add("Mul", [w.add("Div", [centred, deviation]), weights[0]])
    w.add("Add", [y, weights[1]], w.node.output[0])


_RULES: dict[tuple[str, str], Callable[[Writer], None]] = {
    (_MS, "FusedConv"): _conv,
    (_MS, "FusedGemm"): _gemm,
    (_MS, "FusedMatMul"): _matmul,
    (_MS, "TransposeMatMul"): _matmul,
    (_MS, "MatMulIntegerToFloat"): _integer,
    (_MS, "DynamicQuantizeMatMul"): _dynamic,
    (_MS, "EmbedLayerNormalization"): _embed,
}
