"""Writes docs/vectors: small spiking files, and what has to come out of them. `python -m docs.make_vectors`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper, parser

from onnx2snn_runtime.ir.schema import ModelDefaults, NeuronAttributes, is_neuron, write_defaults, write_neuron
from onnx2snn_runtime.model import SpikingModel

FOLDER = Path(__file__).parent / "vectors"
STEPS = 4
HEAD = '<ir_version: 8, opset_import: ["" : 17, "onnx2snn" : 1]>\n'
RELU = (
    HEAD
    + """relu (double[N, 2, 3, 3] x) => (double[N, 3] y) {
  a = Conv<pads = [1, 1, 1, 1]>(x, w1, b1)  h = onnx2snn.SpikingRelu(a)
  c = Conv<pads = [1, 1, 1, 1]>(h, w2)  r = Add(c, h)  g = onnx2snn.SpikingClip(r, low, high)
  p = GlobalAveragePool(g)  f = Flatten(p)  y = MatMul(f, w3) }
<domain: "onnx2snn", opset_import: ["" : 17]> SpikingRelu (x) => (y) { y = Relu(x) }
<domain: "onnx2snn", opset_import: ["" : 17]> SpikingClip (x, c, d) => (y) { y = Clip(x, c, d) }"""
)
REGION = (
    HEAD
    + """region (double[N, 3] x) => (double[N, 2] y) {
  a = Gemm(x, w1, b1)  h = onnx2snn.SpikingGelu(a, root, one, half)  c = Gemm(x, w2)
  t = onnx2snn.SpikingTanh(c)  m = onnx2snn.SpikingMul(h, t)  z = MatMul(m, w3)  y = Softmax(z) }
<domain: "onnx2snn", opset_import: ["" : 17]> SpikingGelu (x, c, d, e) => (y) {
  u = Mul(x, c)  v = Erf(u)  w = Add(v, d)  z = Mul(x, w)  y = Mul(z, e) }
<domain: "onnx2snn", opset_import: ["" : 17]> SpikingTanh (x) => (y) { y = Tanh(x) }
<domain: "onnx2snn", opset_import: ["" : 17]> SpikingMul (x, z) => (y) { y = Mul(x, z) }"""
)
WEIGHTS: dict[str, dict[str, Any]] = {
    "relu": {"w1": (4, 2, 3, 3), "b1": (4,), "w2": (4, 4, 3, 3), "w3": (4, 3), "low": 0.0, "high": 1.5},
    "region": {"w1": (3, 5), "b1": (5,), "w2": (3, 5), "w3": (5, 2), "root": 0.5**0.5, "one": 1.0, "half": 0.5},
}
ATTRIBUTES: dict[str, dict[str, NeuronAttributes]] = {
    "relu": {
        "h": NeuronAttributes(1, np.array([[[1.0]], [[2.0]], [[0.5]], [[1.0]]], np.float32), 4, 1),
        "g": NeuronAttributes(1, np.float32(2.0), 5, 2, onset=1, gradual=1),
    },
    "region": {
        "h": NeuronAttributes(1, np.array([2.0, 1.0, 1.0, 0.75, 3.0], np.float32), 6, 0),
        "t": NeuronAttributes(1, np.float32(1.0), 12, 1, dead_zone=0.125),
        "m": NeuronAttributes(2, np.float32(1.0), 8, 3),
    },
}
ANY: list[dict[str, Any]] = [
    {"dynamics": "differential"},
    {"dynamics": "differential", "dynamics_options": {"levels": 2, "mantissa": 3}},
    {"dynamics": "differential", "dynamics_options": {"dead_zone": 0.0625, "gradual": True}},
    {"dynamics": "ternary"},
    {
        "dynamics": "ternary",
        "dynamics_options": {"zone": 0.25},
        "schedule": "sqrt",
        "schedule_options": {"initial": 0.5},
    },
    {"dynamics": "signgd"},
    {"dynamics": "signgd", "schedule": "polynomial", "schedule_options": {"horizon": 4, "power": 2}},
]
RATES: list[dict[str, Any]] = [
    {"dynamics": "if"},
    {"dynamics": "if", "dynamics_options": {"reset": "hard", "initial": 0.25, "threshold": 0.5}},
    {"dynamics": "lif", "dynamics_options": {"leak": 0.75}},
    {"dynamics": "subgradient"},
]
CASES = {"relu": [*ANY, *RATES], "region": ANY}


def build(name: str) -> onnx.ModelProto:
    """Return the spiking network `name`, its weights drawn at random from eighths."""
    model = parser.parse_model({"relu": RELU, "region": REGION}[name])
    draw = np.random.default_rng(7)
    for key, value in WEIGHTS[name].items():
        array = draw.integers(-8, 9, value) / 8 if isinstance(value, tuple) else np.array(value)
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array, np.float64), key))
    for node in filter(is_neuron, model.graph.node):
        node.name = f"neuron_{node.output[0]}"
        write_neuron(node, ATTRIBUTES[name][node.output[0]])
    write_defaults(model, ModelDefaults(timesteps=STEPS, producer="docs.make_vectors"))
    return model


def vectors(name: str) -> dict[str, Any]:
    """Return the inputs of the network `name`, and what its populations send and its outputs are in every case."""
    shape = (1, 2, 3, 3) if name == "relu" else (2, 3)
    x = np.random.default_rng(8).integers(-8, 9, shape) / 8
    snn = SpikingModel(build(name))
    cases = []
    for settings in CASES[name]:
        run = snn.run(
            torch.from_numpy(x), range(1, STEPS + 1), executor="event", probes=["spikes", "values"], **settings
        )
        cases.append(
            {
                "settings": settings,
                "spikes": {key: value.tolist() for key, value in run.probes["spikes"].items()},
                "estimates": {key: value.tolist() for key, value in run.probes["values"].items()},
                "outputs": {"y": [run.outputs[t].tolist() for t in range(1, STEPS + 1)]},
            }
        )
    return {"inputs": {"x": x.tolist()}, "steps": STEPS, "cases": cases}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for name in CASES:
        (FOLDER / f"{name}.onnx").write_bytes(build(name).SerializeToString())
        (FOLDER / f"{name}.json").write_text(json.dumps(vectors(name)) + "\n")


if __name__ == "__main__":
    main()
