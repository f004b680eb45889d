"""Tries a model in a subprocess first, so that native code that crashes on a damaged file raises an error here.

The subprocess runs `trying`. Weights above 64 KiB are left out: neither shapes nor crashes depend on their values.
"""

import math
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx
from onnx import helper

from onnx2snn.reference.serving import LOCK, RUNNING, server
from onnx2snn.reference.size import check_size
from onnx2snn_runtime.errors import ModelError

if TYPE_CHECKING:
    from onnx2snn_runtime.model import SpikingModel

LARGEST_WEIGHT = 1 << 16
"""Bytes; a larger weight is an input to the process that tries the model out."""
ALONE = bool(getattr(sys, "frozen", False)) or not sys.executable
FEW_ROUNDS = 1
"""Seconds that a model with loops may run: they may be long, and are refused for that in another place."""
SECONDS = 5
"""What a small model may take; every 500 nodes, and every 20 MB of weights, may take one more."""


@dataclass(frozen=True)
class Verdict:
    """What the stages said of a model: the first line of each error, by stage."""

    errors: dict[str, str]

    @property
    def invalid(self) -> str:
        """Why the model is no valid ONNX, '' where it is."""
        return _one_line(self.errors.get("the checker", ""))

    def require_valid(self, where: str) -> None:
        """Raise ModelError where the model is no valid ONNX."""
        if self.invalid:
            raise ModelError(f"{where} is no valid ONNX model ({self.invalid}): export it anew")


def try_out(model: onnx.ModelProto, where: str) -> Verdict:
    """Return what ONNX and onnxruntime say of `model`; what kills them, or takes them too long, raises ModelError."""
    nodes = check_size(model, where)
    lean, spared = _without_weights(model)
    seconds = SECONDS + nodes // 500 + spared // 20_000_000
    loops = any(node.op_type == "Loop" for node in model.graph.node)
    with LOCK:
        answers = (
            _here(lean) if ALONE else server().ask(lean.SerializeToString(), seconds, FEW_ROUNDS if loops else seconds)
        )
    errors = {a["stage"]: a["error"] for a in answers if "error" in a}
    if any("bad_alloc" in text or "Failed to allocate memory" in text for text in errors.values()):
        raise ModelError(f"{where} needs more memory than there is: export a smaller network")
    stage = next((a["stage"] for a in reversed(answers) if "stage" in a), "reading it")
    end = answers[-1]
    if "done" in end or ("late" in end and loops and stage == RUNNING):  # what unrolls the loop counts its rounds
        return Verdict(errors)
    how = end.get("late") or end["died"]
    raise ModelError(f"{where} cannot be used: {stage} {how}; the file is damaged or made to do so: export it anew")


def _here(model: onnx.ModelProto) -> list[dict[str, str]]:
    """Try `model` out in this process, where no other can be had: a program that is its own interpreter."""
    from onnx2snn.reference.trying import attempt

    answers: list[dict[str, str]] = []
    attempt(model.SerializeToString(), answers.append)
    return answers


def try_network(snn: "SpikingModel") -> None:
    """Try out the IR of a network that came from a file, before onnxruntime is given it; see `try_out`."""
    if snn.conversion is None:
        try_out(snn.proto, "the model").require_valid("the model")


def _one_line(text: str) -> str:
    """Return the first line of what the checker says, and the node that it means."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    node = re.search(r"Bad node spec for node\. Name: (.*) OpType: (\w*)", text)
    return lines[0][:300].rstrip(".") + (f", in the {node[2]} node {node[1].strip()!r}" if node else "")


def begin() -> None:
    """Start the process that tries models out, and do not wait for it."""
    with LOCK:
        if not ALONE:
            server()


def _without_weights(model: onnx.ModelProto) -> tuple[onnx.ModelProto, int]:
    """Return `model` with its large weights as inputs in their place, and the bytes that were spared."""
    lean, graph, spared = onnx.ModelProto(), model.graph, 0
    for field, value in model.ListFields():
        if field.name != "graph":
            lean.MergeFrom(onnx.ModelProto(**{field.name: value}))
    for field, value in graph.ListFields():
        if field.name != "initializer":
            lean.graph.MergeFrom(onnx.GraphProto(**{field.name: value}))
    inputs = {value.name for value in graph.input}
    for tensor in graph.initializer:
        size = len(tensor.raw_data)
        if size <= LARGEST_WEIGHT or not _is_whole(tensor):
            lean.graph.initializer.append(tensor)
            continue
        spared += size
        if tensor.name not in inputs:
            lean.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return lean, spared


def _is_whole(tensor: onnx.TensorProto) -> bool:
    """Return whether the bytes of a weight are those that its type and sizes need."""
    if tensor.data_type not in helper.get_all_tensor_dtypes() or tensor.data_type == onnx.TensorProto.STRING:
        return False
    return len(tensor.raw_data) == math.prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
