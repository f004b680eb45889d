"""Converts bfloat16 to float32, which is exact: onnxruntime has no bfloat16 kernels for CPUs.

y = MatMul(x: bfloat16, w: bfloat16)   ->  y = MatMul(x: float, w: float)
y = Cast(x, to = bfloat16)             ->  y = Cast(x, to = float)
"""

import numpy as np
import onnx

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.retype import replace_type


def widen_bfloat16(work: Work) -> int:
    """Rewrite weights, constants, casts, inputs and outputs of `work.model`, subgraphs and functions included."""
    changed = replace_type(work.model, onnx.TensorProto.BFLOAT16, onnx.TensorProto.FLOAT, np.float32)
    if changed:
        work.warnings.append("the model computes in bfloat16; it was converted in float32, which holds its weights")
    return changed
