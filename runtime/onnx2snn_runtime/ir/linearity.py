"""Which operators are affine, in which of their inputs: the one table behind classification and the event domain.

A row gives a role to each input, in the order of the ONNX schema; `*` repeats the role before it:

    t  term      the output is linear in it on its own; where it is not spiking it is a bias, absent from the
                 propagation of spikes (zeros stand in for it)
    f  factor    the output is linear in it while the other factors hold still; one factor alone may be spiking
    c  control   indices, shapes, bounds: may not be spiking

An operator without a row is nonlinear in every input. Rows are data: adding an operator adds one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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


def is_affine(op_type: str, spiking: Sequence[bool], domain: str = "") -> bool:
    """Return whether an operator is affine in the inputs for which `spiking` is true."""
    row = roles(op_type, domain)
    if row is None:
        return False
    kinds = [row.role(i) for i, flag in enumerate(spiking) if flag]
    return "c" not in kinds and kinds.count("f") <= 1 and not ("f" in kinds and _factor_term_clash(row, kinds))


def _factor_term_clash(row: Roles, kinds: list[str]) -> bool:
    """A factor and a term may both be spiking (Conv: X and B), except where the term is scaled (BatchNormalization)."""
    return row.text == "ffttc" and "t" in kinds
