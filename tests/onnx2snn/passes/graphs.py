"""Small graphs as ONNX text, on their way through the passes."""

import onnx
from onnx import parser

from onnx2snn.passes.base import Work, run_passes
from onnx2snn.passes.neurons.classify_values import classify
from onnx2snn.pipeline import BACK, ELEMENTWISE, FRONT, prepare
from onnx2snn_runtime.ir.schema import read_neuron


def model_of(text: str, opset: int = 18, signature: str = "(float[N,8] x) => (float[N,8] y)") -> onnx.ModelProto:
    """Return the model of a graph `text`, in which `w` is a learned [8, 8] matrix and `g` a learned [8] vector.

    `text` may begin with further initializers in angle brackets; `signature` gives the inputs and outputs.
    """
    further, body = text.split(">", 1) if text.startswith("<") else ("<", text)
    values = ",".join(f"{((7 * i * i) % 41 - 20) / 40}" for i in range(64))
    weights = f"float[8,8] w = {{{values}}}, float[8] g = {{1,0.5,2,1,0.5,1,2,1.5}}"
    held = f"<{weights}{', ' + further[1:] if further[1:].strip() else ''}>"
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> net {signature} {held} {{ {body} }}')
    onnx.checker.check_model(model, full_check=True)
    return model


def front(model: onnx.ModelProto, neurons: str = "region", encoder: str = "direct") -> Work:
    """Return the work with `model` as classification sees it."""
    work = prepare(model, neurons, encoder)
    run_passes((*FRONT, *(ELEMENTWISE if neurons == "elementwise" else ())), work)
    return work


def neurons(text: str, mode: str = "region", **options: object) -> list[tuple[str, int]]:
    """Return the names and the numbers of sources of the neurons that ONNX text becomes."""
    work = front(model_of(text, **options), mode)
    run_passes(BACK, work)
    made = [node for node in work.model.graph.node if node.domain == "onnx2snn"]
    return [(node.op_type.removeprefix("Spiking"), read_neuron(node).sources) for node in made]


def kinds(text: str, encoder: str = "direct", **options: object) -> dict[str, str]:
    """Return the kind of every node of ONNX text by the name of its first output."""
    work = front(model_of(text, **options), encoder=encoder)
    found = classify(work.graph, encoder)
    return {node.outputs[0].name: found.kind(node) for node in work.graph.nodes}
