"""What native code is asked of a graph that passes have written: first in the subprocess, where a death is an error.

A rewritten graph is one that nobody vouches for, just as a file is: onnxruntime dies of some valid ones. What was tried
is not tried again. Shape inference is done there altogether, without the weights, which costs less than here with them.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import onnx
from onnx import inliner, shape_inference, version_converter

from onnx2snn.reference import sandbox
from onnx2snn.reference.lean import without_weights
from onnx2snn.reference.serving import RUNNING
from onnx2snn_runtime.errors import ModelError, first_line

KEPT = 512
"""So many graphs are remembered."""
CHEAP = 1 << 20
"""Bytes of large weights; a graph of no more is also run once, before it is run here."""
_FOR_SHAPES = 4096
"""Bytes; no shape depends on a weight that is larger."""

_levels: OrderedDict[bytes, str] = OrderedDict()


def level_of(model: onnx.ModelProto, levels: Sequence[str] = sandbox.LEVELS) -> str:
    """Return the first of the optimization `levels` at which onnxruntime survives `model`; none raises ModelError."""
    lean, spared = without_weights(model)
    raw = lean.SerializeToString()
    key = sha256(raw + "".join(levels).encode()).digest()
    if key not in _levels:
        _levels[key] = _tried(raw, sandbox.limit(len(model.graph.node), spared), spared <= CHEAP, levels)
        if len(_levels) > KEPT:
            _levels.popitem(last=False)
    return _levels[key]


def _tried(raw: bytes, seconds: int, run: bool, levels: Sequence[str]) -> str:
    for level in levels:
        answers = sandbox.question(raw, seconds, kind="session", level=level, run=run)
        stage, end = sandbox.last_stage(answers), answers[-1]
        if "done" in end or ("late" in end and stage == RUNNING):  # no death, and as long as it will take here
            return level
    raise _dead(answers)


def infer_shapes(model: onnx.ModelProto, data_prop: bool = False) -> onnx.ModelProto:
    """Return `model` with shapes inferred; see `onnx.shape_inference`, whose errors and whose death are raised."""
    if sandbox.ALONE:
        return shape_inference.infer_shapes(model, data_prop=data_prop)
    lean, spared = without_weights(model, _FOR_SHAPES)
    seconds = sandbox.limit(len(model.graph.node), spared)
    answers = sandbox.question(lean.SerializeToString(), seconds, kind="inference", data_prop=data_prop)
    _check(answers, shape_inference.InferenceError)
    found = onnx.ModelProto.FromString(next(a["result"] for a in answers if "result" in a))
    if spared:
        own = {value.name for value in model.graph.input}
        inputs = [value for value in found.graph.input if value.name in own]
        for field, kept in (("input", inputs), ("initializer", model.graph.initializer)):
            found.graph.ClearField(field)
            getattr(found.graph, field).extend(kept)
    return found


def check_model(model: onnx.ModelProto) -> None:
    """Check `model` with ONNX's checker and shape inference; an invalid one raises ValidationError."""
    lean, spared = without_weights(model)
    seconds = sandbox.limit(len(model.graph.node), spared)
    _check(sandbox.question(lean.SerializeToString(), seconds, kind="validation"), onnx.checker.ValidationError)


def convert_version(model: onnx.ModelProto, target: int) -> onnx.ModelProto:
    """Return `model` at the opset `target`; see `onnx.version_converter`, whose errors are raised."""
    _survives(model, kind="conversion", target=target)
    return version_converter.convert_version(model, target)


def inline(model: onnx.ModelProto, operators: Sequence[str] = ()) -> onnx.ModelProto:
    """Return `model` with its local functions inlined, or the `operators` that ONNX itself defines by others."""
    _survives(model, kind="inlining", operators=list(operators))
    names = [("", name) for name in operators]
    try:
        if not operators:
            return inliner.inline_local_functions(model)
        return inliner.inline_selected_functions(model, names, inline_schema_functions=True)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"the functions of the model cannot be written out ({first_line(error)}): export it without functions"
        ) from error


def _survives(model: onnx.ModelProto, kind: str, **options: Any) -> None:
    """Raise ModelError where what is asked of `model` kills the subprocess; its errors come where it is done here."""
    if not sandbox.ALONE:
        lean, spared = without_weights(model)
        seconds = sandbox.limit(len(model.graph.node), spared)
        _check(sandbox.question(lean.SerializeToString(), seconds, kind=kind, **options))


def _check(answers: list[dict[str, str]], kind: type[Exception] | None = None) -> None:
    """Raise ModelError where the subprocess has died, and a `kind` for an error that it tells of."""
    if "done" not in answers[-1]:
        raise _dead(answers)
    errors = [answer["error"] for answer in answers if "error" in answer]
    if errors and kind is not None:
        raise kind(errors[0])


def _dead(answers: list[dict[str, str]]) -> ModelError:
    end = answers[-1]
    how = end.get("late") or end.get("died")
    return ModelError(
        f"the model, as it was rewritten, cannot be used: {sandbox.last_stage(answers)} {how}: export it anew, with "
        "another exporter or in float32"
    )
