"""Tries a model in a subprocess first, so that native code that crashes on a damaged file raises an error here.

The subprocess runs `trying`. Weights above 64 KiB are left out: neither shapes nor crashes depend on their values.
"""

import re
import sys
from dataclasses import dataclass
from typing import Any, Protocol

import onnx

from onnx2snn.reference.lean import without_weights
from onnx2snn.reference.serving import LOADING, LOCK, RUNNING, server
from onnx2snn.reference.size import check_size
from onnx2snn_runtime.errors import ModelError

ALONE = bool(getattr(sys, "frozen", False)) or not sys.executable
FEW_ROUNDS = 1
"""Seconds that a model with loops may run: they may be long, and are refused for that in another place."""
SECONDS = 5
"""What a small model may take; every 500 nodes, and every 20 MB of weights, may take one more."""
LEVELS = ("all", "basic", "none")
"""How much onnxruntime optimizes: where it dies of that on a graph that is valid, it may do less."""


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
    lean, spared = without_weights(model)
    seconds = limit(nodes, spared)
    loops = any(node.op_type == "Loop" for node in model.graph.node)
    running = FEW_ROUNDS if loops else seconds
    for level in LEVELS:
        answers = question(lean.SerializeToString(), seconds, running, kind="whole", level=level)
        if "died" not in answers[-1] or last_stage(answers) != LOADING:
            break
    errors = {a["stage"]: a["error"] for a in answers if "error" in a}
    if any("bad_alloc" in text or "Failed to allocate memory" in text for text in errors.values()):
        raise ModelError(f"{where} needs more memory than there is: export a smaller network")
    stage, end = last_stage(answers), answers[-1]
    if "done" in end or ("late" in end and loops and stage == RUNNING):  # what unrolls the loop counts its rounds
        return Verdict(errors)
    how = end.get("late") or end["died"]
    raise ModelError(f"{where} cannot be used: {stage} {how}; the file is damaged or made to do so: export it anew")


def limit(nodes: int, spared: int) -> int:
    """Return the seconds that a model of so many nodes, and bytes of large weights, may take."""
    return SECONDS + nodes // 500 + spared // 20_000_000


def last_stage(answers: list[dict[str, Any]]) -> str:
    """Return the stage that was begun last."""
    return next((a["stage"] for a in reversed(answers) if "stage" in a), "reading it")


def question(raw: bytes, seconds: int, running: int = 0, *, kind: str, **options: Any) -> list[dict[str, Any]]:
    """Return the answers of the subprocess to a question about a model; see `serving.Server.ask`."""
    with LOCK:
        answers = [{"absent": ""}] if ALONE else server().ask(raw, seconds, running, kind=kind, **options)
        if "absent" not in answers[-1]:
            return answers
    return _here(raw, {"kind": kind, **options})


def _here(raw: bytes, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask in this process, where no other can be had: a program that is its own interpreter."""
    from onnx2snn.reference.trying import attempt

    answers: list[dict[str, Any]] = []
    attempt(raw, asked, lambda said, result: answers.append({**said, "result": result} if result else said))
    return answers


class Network(Protocol):
    """What is asked of a `SpikingModel`, for which torch would have to be imported."""

    proto: onnx.ModelProto
    conversion: Any


def try_network(snn: Network) -> None:
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
