"""Expands the fused operators of onnxruntime's optimizer, so that their weights are synapses and all types known.

y = FusedConv(x, w, b, z)            ->  y = activation(Conv(x, w, b) + z)      likewise FusedGemm
y = FusedMatMul(a, b)                ->  y = alpha MatMul(a', b'), a' and b' transposed where it says so
y = MatMulIntegerToFloat(a, b, ...)  ->  y = MatMulInteger(a, b, ...) sa sb + bias
y = Trilu(x) of com.microsoft        ->  y = Trilu(x), an operator that ONNX has had since

Activations, normalizations and attention have files of their own: `fused_activations`, `fused_normalizations`,
`fused_attention`.
"""

from collections.abc import Callable

import onnx

from onnx2snn.passes.base import Work
from onnx2snn.passes.repairs import fused_activations, fused_attention, fused_normalizations
from onnx2snn.passes.rewriting.known_shapes import known_shapes
from onnx2snn.passes.rewriting.node_writer import Writer, replace_nodes

_MS = "com.microsoft"
_FLOAT = onnx.TensorProto.FLOAT
_PLAIN = ("Relu", "Tanh", "Sigmoid")
_ALIKE = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta")}
_MOST = 1000
"""A chain of no more products, each of which shows the shapes of the next, is written out."""


def expand_fused(work: Work) -> int:
    """Rewrite `work.model`, again where what was written shows the shapes and types that further operators wait for."""
    total, waits = 0, True
    for _ in range(_MOST):
        if not any(_has_rule(node, work.opset) for node in work.model.graph.node):
            break
        shapes, kinds = known_shapes(work.model)
        untyped = waits and not _plain(kinds)

        def fits(node: onnx.NodeProto, kinds: dict[str, int] = kinds, untyped: bool = untyped) -> bool:
            return _has_rule(node, work.opset) and (node.input[0] in kinds or not untyped)

        changed = replace_nodes(work.model, {**_RULES, **_EARLY}, fits, shapes, kinds)
        total += changed
        if not changed and not untyped:
            break
        waits = bool(changed)
    return total


def _plain(kinds: dict[str, int]) -> bool:
    """Return whether float32 is the only floating-point type that is known."""
    return not {onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE} & set(kinds.values())


def _has_rule(node: onnx.NodeProto, opset: int) -> bool:
    """Return whether there is a rule for `node`: ONNX has a LayerNormalization of its own from opset 17 on."""
    key = "" if node.domain == "ai.onnx" else node.domain, node.op_type
    return key in _RULES or (key in _EARLY and opset < 17)


def _activate(w: Writer, y: str, parameters: list[float]) -> None:
    name = w.attributes().get("activation", b"").decode()
    if name in _ALIKE:
        w.add(name, [y], w.node.output[0], **dict(zip(_ALIKE[name], parameters, strict=False)))
    elif name == "Clip":
        w.add(name, [y, *(w.number(value) for value in parameters)], w.node.output[0])
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
    orders = [_order(w, i, a.get(f"trans{x}", 0), a.get(f"transBatch{x}", 0)) for i, x in enumerate("AB")]
    if None in orders:
        return  # a rank that is not known yet
    operands = [
        w.add("Transpose", [name], perm=order) if order else name
        for name, order in zip(w.node.input, orders, strict=True)
    ]
    alpha = a.get("alpha", 1.0)
    y = w.add("MatMul", operands, "" if alpha != 1 else w.node.output[0])
    if alpha != 1:
        w.add("Mul", [y, w.number(alpha)], w.node.output[0])


def _order(w: Writer, index: int, trans: int, trans_batch: int) -> list[int] | None:
    """Return the order of the axes of a factor, [] where they stay; None where its rank is not known.

    The first axis goes behind the other batch axes with `trans_batch`, then the last two change places with `trans`.
    """
    if not trans and not trans_batch:
        return []
    shape = w.shapes.get(w.node.input[index])
    if shape is None:
        return None
    order = list(range(len(shape)))
    if len(order) < 2:
        return []
    if trans_batch:
        order = [*order[1:-1], 0, order[-1]]
    return [*order[:-2], order[-1], order[-2]] if trans else order


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


def _standard(since: int) -> Callable[[Writer], None]:
    """Return the rule for an operator that ONNX has under the same name, with the same meaning, from an opset on."""

    def rule(w: Writer) -> None:
        if w.opset >= since:
            name = w.node.op_type
            w.nodes.append(onnx.helper.make_node(name, list(w.node.input), list(w.node.output), w.node.name))
            w.nodes[-1].attribute.extend(w.node.attribute)

    return rule


_RULES: dict[tuple[str, str], Callable[[Writer], None]] = {
    (_MS, "FusedConv"): _conv,
    (_MS, "FusedGemm"): _gemm,
    (_MS, "FusedMatMul"): _matmul,
    (_MS, "TransposeMatMul"): _matmul,
    (_MS, "MatMulIntegerToFloat"): _integer,
    (_MS, "DynamicQuantizeMatMul"): _dynamic,
    **{(_MS, name): _standard(since) for name, since in {"Trilu": 14, "GatherND": 12, "Pad": 11, "Range": 11}.items()},
    **{(_MS, name): rule for name, rule in fused_activations.RULES.items()},
    **{(_MS, name): rule for name, rule in fused_normalizations.RULES.items()},
    ("", "SimplifiedLayerNormalization"): fused_normalizations.RULES["SimplifiedLayerNormalization"],
    **{(_MS, name): rule for name, rule in fused_attention.RULES.items()},
}
_EARLY = {("", "LayerNormalization"): fused_normalizations.RULES["LayerNormalization"]}
"""What onnxruntime writes into the domain of ONNX before the opset that has it."""
