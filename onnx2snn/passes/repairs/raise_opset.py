"""Upgrades old models to IR version 8 and opset 13 at least, with a warning.

opset 9 model  ->  opset 13 model, whose resampling and normalizations mean what they meant: see `old_meanings`
"""

import onnx

from onnx2snn.passes.base import Work
from onnx2snn.passes.repairs.old_meanings import BatchStatistics, flatten_hardmax, keep_sampling
from onnx2snn.reference.guarded import convert_version
from onnx2snn_runtime.errors import ModelError, first_line

LEAST_OPSET = 13
LEAST_IR = 8
_SAMPLES_ANEW = 11
"""From this opset on Resize has its modes and coordinates of today."""
_TRAINS_BY_NAME = 15
"""The opset that a model with statistics of the batch is brought up to: an attribute tells of them there."""


def raise_opset(work: Work) -> int:
    """Convert models of an older opset; one that onnx cannot convert raises ModelError."""
    changed = 0
    if work.model.ir_version < LEAST_IR:
        work.model.ir_version = LEAST_IR
        changed = 1
    changed += _drop_initialised_inputs(work.model)
    statistics = BatchStatistics(work.model, work.opset)
    target = _TRAINS_BY_NAME if statistics else LEAST_OPSET
    if work.opset >= target or (work.opset >= LEAST_OPSET and not statistics):
        return changed
    before = work.opset
    statistics.hide()
    if before < LEAST_OPSET:
        flatten_hardmax(work.model)
    try:
        work.model = convert_version(work.model, target)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{work.where} is of opset {before} and cannot be brought up to {target} "
            f"({first_line(error)}): export it anew with a newer opset"
        ) from error
    work.model.ir_version = max(work.model.ir_version, LEAST_IR)
    statistics.show(work.model)
    if before < _SAMPLES_ANEW:
        keep_sampling(work.model)
    work.warnings.append(f"the model was of opset {before}; it was brought up to {target}")
    return changed + 1


def _drop_initialised_inputs(model: onnx.ModelProto) -> int:
    """Before IR version 4 every weight was an input too; with the version raised, weights are no inputs any more."""
    weights = {tensor.name for tensor in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    gone = len(model.graph.input) - len(kept)
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return gone
