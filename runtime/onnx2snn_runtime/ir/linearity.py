"""Which operators are affine, in which of their inputs: the one table behind classification and the event domain.

A row gives a role to each input, in the order of the ONNX schema; `*` repeats the role before it:

    t  term      the output is linear in it on its own; where it is not spiking it is a bias, absent from the
                 propagation of spikes (zeros stand in for it)
    f  factor    the output is linear in it while the other factors hold still; one factor alone may be spiking
    c  control   indices, shapes, bounds: may not be spiking

An operator without a row is nonlinear in every input. Rows are data: adding an operator adds one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import helper

_ROWS = {
    # one operand moved, copied or cut
    "t": "Identity Dropout Flatten Transpose Cast CastLike DepthToSpace SpaceToDepth Neg AveragePool GlobalAveragePool",
    "tc": "Reshape Squeeze Unsqueeze Expand Tile Split Gather GatherElements GatherND Compress Trilu CumSum "
    "ReduceSum ReduceMean ReverseSequence",
    "tcccc": "Slice",
    "tctc": "Pad",
    "tccc": "Resize Upsample RotaryEmbedding",
    "tcc": "CenterCropPad MaxUnpool Col2Im GridSample AffineGrid RoiAlign",
    # sums and joins
    "tt": "Add Sub",
    "t*": "Sum Mean Concat",
    "ctt": "Where",
    "cct": "OneHot",
    "ttc": "TensorScatter",
    "tct": "ScatterElements ScatterND Scatter",
    # products with a constant
    "ff": "Mul MatMul",
    "fc": "Div",
    "f*": "Einsum",
    "fft": "Conv ConvTranspose Gemm",
    "fcc": "DFT",
    "fcfc": "STFT",
    "ffctf": "DeformConv",
    "ffttc": "BatchNormalization",
}


@dataclass(frozen=True)
class Roles:
    """The roles of an operator's inputs; `role(i)` gives that of input i: "t", "f" or "c"."""

    text: str

    def role(self, index: int) -> str:
        """Return the role of input `index`; inputs past the end repeat the last where the row ends in `*`."""
        fixed = self.text.rstrip("*")
        if index < len(fixed):
            return fixed[index]
        return fixed[-1] if self.text.endswith("*") else "c"


ROLES: dict[str, Roles] = {name: Roles(text) for text, names in _ROWS.items() for name in names.split()}

WEIGHTED = frozenset("Conv ConvTranspose Gemm MatMul Einsum STFT DFT DeformConv".split())
"""Operators that multiply by learned weights: each is a boundary between regions, of two activations too."""

RESAMPLING = frozenset("Resize Upsample GridSample AffineGrid RoiAlign".split())
"""Affine operators that are boundaries between regions as well."""

SHAPE_ONLY = frozenset("Shape Size EyeLike".split())
"""Operators whose output depends on the shape of their input alone, so that it is never spiking."""

READOUT = frozenset(
    "Softmax LogSoftmax Sigmoid ArgMax ArgMin TopK NonMaxSuppression Cast ZipMap ArrayFeatureExtractor "
    "LabelEncoder Binarizer "
    "Equal Greater GreaterOrEqual Less LessOrEqual Not And Or Where Gather GatherElements GatherND".split()
)
"""What only turns results into answers, on paths that lead to outputs alone."""

READOUT_AFFINE = frozenset(
    "Identity Cast Reshape Flatten Squeeze Unsqueeze Transpose Slice Split Concat "
    "Add Sub Mul Div Neg Expand Tile".split()
)
"""Unweighted arithmetic that may follow a readout (the affine arithmetic of boxes)."""


def roles(op_type: str, domain: str = "") -> Roles | None:
    """Return the roles of an operator's inputs, or None where it is nonlinear in all of them."""
    return ROLES.get(op_type) if domain in ("", "ai.onnx") else None


_FLOATS = frozenset({1, 10, 11, 16})  # FLOAT, FLOAT16, DOUBLE, BFLOAT16

_NONLINEAR_WHEN: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "Cast": lambda a: a.get("to") not in _FLOATS,  # rounds
    "BatchNormalization": lambda a: a.get("training_mode", 0) != 0,  # divides by the deviation of the batch
    "ScatterElements": lambda a: a.get("reduction", "none") not in ("none", "add"),
    "ScatterND": lambda a: a.get("reduction", "none") not in ("none", "add"),
    "RoiAlign": lambda a: a.get("mode", "avg") != "avg",
    "Resize": lambda a: a.get("coordinate_transformation_mode") == "tf_crop_and_resize",  # adds a constant
}


def is_affine(
    op_type: str, spiking: Sequence[bool], domain: str = "", attributes: Mapping[str, Any] | None = None
) -> bool:
    """Return whether an operator is affine in the inputs for which `spiking` is true."""
    row = roles(op_type, domain)
    if row is None or _NONLINEAR_WHEN.get(op_type, _never)(_decoded(attributes or {})):
        return False
    kinds = [row.role(i) for i, flag in enumerate(spiking) if flag]
    scaled_term = op_type == "BatchNormalization" and "f" in kinds and "t" in kinds
    return "c" not in kinds and kinds.count("f") <= 1 and not scaled_term


def _never(attributes: Mapping[str, Any]) -> bool:
    return False


def _decoded(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}


def node_attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes of `node` as Python values."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}
