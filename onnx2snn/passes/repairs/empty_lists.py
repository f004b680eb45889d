"""Removes list attributes without entries, which graph-surgeon cannot write: they mean what their absence does.

y = Conv<pads = []>(x, w)   ->  y = Conv(x, w)
"""

import onnx
from onnx import AttributeProto

from onnx2snn.passes.base import Work
from onnx2snn_runtime.errors import ModelError

_LISTS = {AttributeProto.INTS: "ints", AttributeProto.FLOATS: "floats", AttributeProto.STRINGS: "strings"}
_EMPTY = {"Constant", "ConstantOfShape"}
"""Operators of which an empty list is a value."""


def drop_empty_lists(work: Work) -> int:
    """Remove the attributes and return their number; one that its operator needs raises ModelError."""
    changed = 0
    for node in work.model.graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type in _EMPTY:
            continue
        for attribute in [a for a in node.attribute if a.type in _LISTS and not len(getattr(a, _LISTS[a.type]))]:
            if _needs(node, attribute.name, work.opset):
                raise ModelError(
                    f"the attribute {attribute.name!r} of the {node.op_type} node "
                    f"{node.name or ', '.join(node.output)!r} in {work.where} is empty: export it anew"
                )
            node.attribute.remove(attribute)
            changed += 1
    return changed


def _needs(node: onnx.NodeProto, name: str, opset: int) -> bool:
    if not onnx.defs.has(node.op_type, opset, ""):
        return False
    held = onnx.defs.get_schema(node.op_type, opset, "").attributes
    return name in held and bool(held[name].required)
