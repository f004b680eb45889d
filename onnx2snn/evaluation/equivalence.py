"""Checks that a spiking IR model is valid, and that as a plain network it equals the original model."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from onnx2snn.passes.base import Work
from onnx2snn.reference.aligned import aligned
from onnx2snn.reference.ann import Ann, Reference
from onnx2snn.reference.guarded import check_model
from onnx2snn_runtime.errors import ModelError
from onnx2snn_runtime.ir.large import is_large
from onnx2snn_runtime.ir.operators import facts
from onnx2snn_runtime.ir.verify import verify

BATCH = 8
"""Samples that run at a time."""


def check_equivalence(
    original: onnx.ModelProto, model: onnx.ModelProto, inputs: Mapping[str, np.ndarray], work: Work
) -> Reference:
    """Check that the IR is valid and that onnxruntime computes with it what it computes with the original.

    Return the original, and its results; where these have another form, as of one call a sample, the IR and its own.
    """
    if not is_large(model):
        check_model(model)
    verify(model, work.where)
    plain = Ann(original, axes=replace(work.axes, size=work.built_in))
    before = plain(inputs, BATCH)
    ann = Ann(model, axes=work.axes)
    after = ann(inputs, BATCH)
    rounds = any(facts(node.op_type, node.domain).rounds for node in original.graph.node)
    for name in before:
        value, other = aligned(_of_one_call(before[name], after[name]), after[name])
        if value.dtype.kind == "f":
            norm = np.linalg.norm(value[np.isfinite(value)].astype(np.float64))
            finite = np.isfinite(value)
            gap = np.linalg.norm(other[finite].astype(np.float64) - value[finite]) / (norm or 1.0)
            limit = 1e-2 if value.dtype == np.float16 or rounds else 1e-4
            if not gap <= limit:
                raise ModelError(
                    f"the output {name!r} of the rewritten graph differs from that of {work.where} by {gap:.2g} "
                    "(relative): this is a fault of onnx2snn; please report it with the model"
                )
    alike = all(_form(value) == _form(after[name]) for name, value in before.items())
    return Reference(plain, before) if alike else Reference(ann, after)


def _form(value: Any) -> Any:
    return len(value) if isinstance(value, list) else (value.shape, value.dtype)


def _of_one_call(before: Any, after: Any) -> Any:
    """Return the result of the first of several calls where the original, of one sample a call, has one for each.

    Such an output does not depend on what is freed: the rewritten graph has one for all samples.
    """
    return before[0] if not isinstance(before, list) and np.ndim(before) == np.ndim(after) + 1 else before
