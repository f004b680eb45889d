"""Tells whether an operator is affine in given inputs, and so a synapse. The roles of inputs are in `operators`."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import helper

from onnx2snn_runtime.ir.operators import Facts, facts


def is_affine(
    op_type: str, spiking: Sequence[bool], domain: str = "", attributes: Mapping[str, Any] | None = None
) -> bool:
    """Return whether an operator is affine in the inputs for which `spiking` is true."""
    held = facts(op_type, domain)
    if not held.affine or not _allows(held, attributes or {}):
        return False
    kinds = [held.role(i) for i, flag in enumerate(spiking) if flag]
    scaled_term = op_type == "BatchNormalization" and "f" in kinds and "t" in kinds  # the mean is scaled
    return "c" not in kinds and kinds.count("f") <= 1 and not scaled_term


def _allows(held: Facts, attributes: Mapping[str, Any]) -> bool:
    """Return whether the attributes that are given have values for which the roles hold."""
    return all(_decoded(attributes[name]) in allowed for name, allowed in held.affine_if.items() if name in attributes)


def _decoded(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def node_attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes of `node` as Python values."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}
