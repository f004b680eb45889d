"""Inlines the model's local functions, and ONNX's own function operators where the runtime lacks a handler.

y = my.Block(x)  ->  h = MatMul(x, w); y = Relu(h)
"""

from typing import Any

import onnx

from onnx2snn.passes.base import Work
from onnx2snn.reference.guarded import inline

COARSE = ("Attention",)
"""Operators that `--neurons elementwise` takes apart by ONNX's own definition."""


def inline_functions(work: Work) -> int:
    """Replace calls of functions by their bodies; the defaults of function attributes are written out first."""
    changed = len(work.model.functions)
    if changed:
        _write_defaults(work.model)
        work.model = inline(work.model)
    lacking = sorted(
        {
            node.op_type
            for node in work.model.graph.node
            if node.domain in ("", "ai.onnx") and not work.supported("", node.op_type, work.opset)
        }
    )
    if work.neurons == "elementwise":
        lacking += [name for name in COARSE if any(node.op_type == name for node in work.model.graph.node)]
    expandable = [name for name in lacking if has_body(name, work.opset)]
    if expandable:
        work.model = inline(work.model, expandable)
    return changed + len(expandable)


def _write_defaults(model: onnx.ModelProto) -> None:
    """Write the default attributes of functions on their calls: onnx's inliner drops them."""
    defaults = {(f.domain, f.name): list(f.attribute_proto) for f in model.functions}
    for nodes in (model.graph.node, *(f.node for f in model.functions)):
        for node in nodes:
            given = {a.name for a in node.attribute}
            for attribute in defaults.get((node.domain, node.op_type), []):
                if attribute.name not in given:
                    node.attribute.append(attribute)


def has_body(op_type: str, opset: int) -> bool:
    """Return whether ONNX itself defines the operator by others."""
    if not onnx.defs.has(op_type, opset, ""):
        return False
    schema: Any = onnx.defs.get_schema(op_type, opset, "")
    return bool(schema.has_function or schema.has_context_dependent_function)
