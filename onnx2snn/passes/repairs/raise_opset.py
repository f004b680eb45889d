"""Brings an old model up: IR version 8 or more, opset 13 or more; it says so.

opset 9 model  ->  opset 13 model
"""

import onnx
from onnx import version_converter

from onnx2snn.passes.base import Work
from onnx2snn_runtime.errors import ModelError

LEAST_OPSET = 13
LEAST_IR = 8


def raise_opset(work: Work) -> int:
    """Convert models of an older opset; one that onnx cannot convert raises ModelError."""
    changed = 0
    if work.model.ir_version < LEAST_IR:
        work.model.ir_version = LEAST_IR
        changed = 1
    changed += _drop_initialised_inputs(work.model)
    if work.opset >= LEAST_OPSET:
        return changed
    before = work.opset
    try:
        work.model = version_converter.convert_version(work.model, LEAST_OPSET)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{work.where} is of opset {before} and cannot be brought up to {LEAST_OPSET} "
            f"({str(error).splitlines()[0]}): export it anew with a newer opset"
        ) from error
    work.model.ir_version = max(work.model.ir_version, LEAST_IR)
    work.warnings.append(f"the model was of opset {before}; it was brought up to {LEAST_OPSET}")
    return changed + 1


def _drop_initialised_inputs(model: onnx.ModelProto) -> int:
    """Before IR version 4 every weight was an input too; with the version raised, weights are no inputs any more."""
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    gone = len(model.graph.input) - len(kept)
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return gone
