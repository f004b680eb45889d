"""Converts float64 to float32 if onnxruntime lacks float64 kernels, as for convolutions and most activations.

y = Conv(x: double, w: double)   ->  y = Conv(x: float, w: float)
y = Cast(x, to = double)         ->  y = Cast(x, to = float)
"""

import numpy as np
import onnx

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.retype import replace_type
from onnx2snn.reference.ann import Ann
from onnx2snn_runtime.errors import ModelError

_DOUBLE, _FLOAT = onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT


def narrow_double(work: Work) -> int:
    """Rewrite weights, constants, casts, inputs and outputs of a double model that onnxruntime cannot compute."""
    narrow = onnx.ModelProto()
    narrow.CopyFrom(work.model)
    changed = replace_type(narrow, _DOUBLE, _FLOAT, np.float32)
    if not changed or _has_kernels(work.model):
        return 0
    work.model = narrow
    work.warnings.append(
        "the model computes in float64, for which onnxruntime lacks kernels: it was converted as float32"
    )
    return changed


def _has_kernels(model: onnx.ModelProto) -> bool:
    try:
        Ann(model)
    except ModelError as error:
        return "implementation" not in str(error)  # another fault is told of where it matters
    return True
