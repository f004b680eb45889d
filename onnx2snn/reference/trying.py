"""The script of the subprocess that tries an untrusted model; it imports no onnx2snn.

It says {"ready": true} once it has started. Then it reads models from its input, each behind a line of JSON with its
`size` in bytes, the `seconds` that it may take and the `kind` of what is asked (see `KINDS`), and answers with lines of
JSON: {"stage": s} before each stage, {"error": text} where one refuses, {"result": n} before the n bytes of a model,
{"done": true} at the end. Where a stage kills the process the last line says which it was. It ends with its
input.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, inliner, shape_inference, version_converter

SILENT = 4
PATIENCE = 40
"""After so many times its seconds the process ends by itself."""
LEAST_OPSET = 13
UNKNOWN = "unknown"
SIZE = 16
"""What stands in for a size that is not known."""
LEVELS = {
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
"""How much onnxruntime may rewrite a graph."""

Asked = Mapping[str, Any]
Stages = Iterator[tuple[str, Callable[[], object]]]


def whole(model: onnx.ModelProto, asked: Asked) -> Stages:
    """Yield the stages by name: all that a conversion asks of C++ that a file of bad will might break."""
    yield "the checker", lambda: _check(model)
    if model.functions:
        yield "the inlining of functions", lambda: inliner.inline_local_functions(model)
    yield "shape inference", lambda: shape_inference.infer_shapes(model, data_prop=True)
    if any(o.version < LEAST_OPSET for o in model.opset_import if o.domain in ("", "ai.onnx")):
        yield "the conversion of the opset", lambda: _raised(model)
    yield from session(model, asked)


def session(model: onnx.ModelProto, asked: Asked) -> Stages:
    """Yield the loading of a model at the optimization `level`, and its first run, unless `run` is false."""
    sessions: list[Any] = []
    yield "onnxruntime, loading it", lambda: sessions.append(_session(model, asked.get("level", "all")))
    if sessions and asked.get("run", True):
        yield "onnxruntime, running it on made-up inputs", lambda: sessions[0].run(None, _inputs(model))


def inference(model: onnx.ModelProto, asked: Asked) -> Stages:
    """Yield shape inference, whose result is wanted."""
    yield "shape inference", lambda: shape_inference.infer_shapes(model, data_prop=asked["data_prop"])


def validation(model: onnx.ModelProto, asked: Asked) -> Stages:
    """Yield the checker with all that it checks."""
    yield "the checker", lambda: onnx.checker.check_model(model, full_check=True)


def conversion(model: onnx.ModelProto, asked: Asked) -> Stages:
    """Yield the conversion to the opset `target`."""
    yield "the conversion of the opset", lambda: version_converter.convert_version(model, asked["target"])


def inlining(model: onnx.ModelProto, asked: Asked) -> Stages:
    """Yield the inlining of the functions of the model, and of the `operators` that ONNX defines by others."""
    names = [("", name) for name in asked["operators"]]
    yield "the inlining of functions", lambda: inliner.inline_local_functions(model)
    if names:
        inlined = lambda: inliner.inline_selected_functions(model, names, inline_schema_functions=True)  # noqa: E731
        yield "the inlining of operators", inlined


KINDS: dict[str, Callable[[onnx.ModelProto, Asked], Stages]] = {
    "whole": whole,
    "session": session,
    "inference": inference,
    "validation": validation,
    "conversion": conversion,
    "inlining": inlining,
}
"""What can be asked of a model."""


def _check(model: onnx.ModelProto) -> None:
    """Run the checker on a copy, without what is no fault, or is told better by what refuses operators by name.

    These are outputs without a shape, which onnxruntime knows of itself, and operators that ONNX does not have.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = set(TensorProto.DataType.values())
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type not in known:  # the checker does not look at it
            raise ValueError(f"{value.name!r} has the element type {value.type.tensor_type.elem_type}, which is none")
    for value in model.graph.input:
        if value.type.HasField("tensor_type") and not value.type.tensor_type.elem_type:
            raise ValueError(f"the input {value.name!r} has no element type")
    for value in copy.graph.output:
        if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape"):
            value.type.tensor_type.shape.SetInParent()
    version = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)
    if 0 < version <= onnx.defs.onnx_opset_version() and _set_apart(copy.graph.node, version):
        copy.opset_import.append(helper.make_opsetid(UNKNOWN, 1))
    onnx.checker.check_model(copy)


def _set_apart(nodes: Iterable[onnx.NodeProto], version: int) -> bool:
    """Move operators that ONNX does not have at the opset `version` to a domain of their own; return whether any is."""
    found = False
    for node in nodes:
        if node.domain in ("", "ai.onnx") and not onnx.defs.has(node.op_type, version, ""):
            node.domain, found = UNKNOWN, True
        for attribute in node.attribute:
            found = (attribute.HasField("g") and _set_apart(attribute.g.node, version)) or found
    return found


def _raised(model: onnx.ModelProto) -> None:
    shape_inference.infer_shapes(version_converter.convert_version(model, LEAST_OPSET), data_prop=True)


def _session(model: onnx.ModelProto, level: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.log_severity_level = SILENT
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _inputs(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return one sample: ones, which no table is too short for and nothing is divided by in vain."""
    weights = {tensor.name for tensor in model.graph.initializer}
    made = {}
    for value in model.graph.input:
        if value.name not in weights:
            tensor = value.type.tensor_type
            sizes = [d.dim_value or (1 if i == 0 else SIZE) for i, d in enumerate(tensor.shape.dim)]
            made[value.name] = np.ones(sizes, helper.tensor_dtype_to_np_dtype(tensor.elem_type))
    return made


def attempt(raw: bytes, asked: Asked, tell: Callable[[dict[str, Any], bytes], None]) -> None:
    """Go through the stages with the model in `raw`; an error of one does not keep the next from being tried."""
    model, result = onnx.ModelProto.FromString(raw), b""
    for name, stage in KINDS[asked["kind"]](model, asked):
        tell({"stage": name}, b"")
        try:
            found = stage()
            if asked["kind"] == "inference" and isinstance(found, onnx.ModelProto):
                result = found.SerializeToString()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            tell({"error": str(error)[:2000] or type(error).__name__, "stage": name}, b"")
    if result:
        tell({"result": len(result)}, result)
    tell({"done": True}, b"")


def _bound_memory() -> None:
    """Let allocations beyond the memory of the machine fail, in place of the machine."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""

    def tell(said: dict[str, Any], raw: bytes) -> None:
        answers.write(json.dumps(said).encode() + b"\n" + raw)
        answers.flush()

    tell({"ready": True}, b"")
    while line := source.readline():
        asked = json.loads(line)
        raw = source.read(asked["size"])
        if hasattr(signal, "alarm"):  # should nobody be left to end this process
            signal.alarm(PATIENCE * asked["seconds"])
        attempt(raw, asked, tell)
        if hasattr(signal, "alarm"):
            signal.alarm(0)


if __name__ == "__main__":
    _bound_memory()
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print is no answer
    serve(sys.stdin.buffer, pipe)
