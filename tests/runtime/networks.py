"""Small spiking networks, written as ONNX text with the neurons in it."""

import numpy as np
import onnx
from onnx import helper, numpy_helper, parser

from onnx2snn_runtime.ir.schema import DOMAIN, ModelDefaults, NeuronAttributes, is_neuron, write_defaults, write_neuron
from onnx2snn_runtime.model import SpikingModel

HEAD = '<ir_version: 8, opset_import: ["" : 17, "onnx2snn" : 1]>\n'
BODIES = {
    "Relu": "(x) => (y) { y = Relu(x) }",
    "Tanh": "(x) => (y) { y = Tanh(x) }",
    "Softmax": "(x) => (y) { y = Softmax<axis = -1>(x) }",
    "Clip": "(x, c, d) => (y) { y = Clip(x, c, d) }",
    "Cast": "(x) => (y) { a = Cast<to = 10>(x)  b = Relu(a)  y = Cast<to = 1>(b) }",
    "Flat": "(x) => (y) { r = Relu(x)  f = Flatten(r)  y = Relu(f) }",
    "Mul": "(x, z) => (y) { y = Mul(x, z) }",
    "MatMul": "(x, z) => (y) { y = MatMul(x, z) }",
    "Gelu": "(x, c) => (y) { a = Div(x, c)  e = Erf(a)  b = Mul(x, e)  s = Add(x, b)  y = Mul(s, s) }",
}
SOURCES = {"Mul": 2, "MatMul": 2}


def proto(text: str, *, seed: int = 0, dyadic: bool = False, **defaults: object) -> onnx.ModelProto:
    """Return the IR model `text`, with the functions of its neurons (`onnx2snn.Spiking<operator>`) and defaults.

    Weights are declared without values, `<float[4, 8] w>`, and drawn at random, from quarters if `dyadic`.
    """
    used = [name for name in BODIES if f"onnx2snn.Spiking{name}(" in text]
    functions = [f'<domain: "{DOMAIN}", opset_import: ["" : 17]> Spiking{name} {BODIES[name]}' for name in used]
    model = parser.parse_model(HEAD + text + "\n".join(functions))
    draw = np.random.default_rng(seed)
    held = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.value_info:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        drawn = draw.integers(-4, 5, shape) / 4 if dyadic else draw.normal(size=shape) / max(1, shape[0]) ** 0.5
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if value.name not in held:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(drawn).astype(kind), value.name))
    del model.graph.value_info[:]
    for node in filter(is_neuron, model.graph.node):
        node.name = f"neuron_{node.output[0]}"
        sources = SOURCES.get(node.op_type.removeprefix("Spiking"), 1)
        write_neuron(node, NeuronAttributes(sources, np.float32(4.0)))
    write_defaults(model, ModelDefaults().updated(**defaults))
    return model


def network(text: str, *, seed: int = 0, dyadic: bool = False, **defaults: object) -> SpikingModel:
    """Return the spiking network `text`: see `proto`."""
    return SpikingModel(proto(text, seed=seed, dyadic=dyadic, **defaults))


MLP = """mlp (float[N, 4] x) => (float[N, 3] y) <float[4, 8] w, float[8] b, float[8, 3] u>
{ a = Gemm(x, w, b)  h = onnx2snn.SpikingRelu(a)  y = MatMul(h, u) }"""

FLAT = """flat (float[N, 2, 3, 3] x) => (float[N, 4] y) <float[4, 2, 1, 1] w, float[36, 4] u>
{ a = Conv(x, w)  h = onnx2snn.SpikingFlat(a)  y = MatMul(h, u) }"""

CNN = """cnn (float[N, 2, 4, 4] x) => (float[N, 3] y)
<float[4, 2, 3, 3] w, float[4] b, float[4, 4, 3, 3] u, float[4, 3] o>
{ a = Conv<pads = [1, 1, 1, 1]>(x, w, b)  h = onnx2snn.SpikingRelu(a)  c = Conv<pads = [1, 1, 1, 1]>(h, u)
  r = Add(c, h)  g = onnx2snn.SpikingRelu(r)  p = GlobalAveragePool(g)  f = Flatten(p)  y = Gemm(f, o) }"""

TWO_INPUTS = """two (float[N, 4] x, float[N, 4] z) => (float[N, 4] y, float[N, 8] j)
<float[4, 4] w, float[4, 4] u, float[4] b>
{ a = MatMul(x, w)  g = onnx2snn.SpikingRelu(a)  c = Gemm(z, u, b)  h = onnx2snn.SpikingTanh(c)  s = Sub(g, h)
  k = onnx2snn.SpikingRelu(s)  y = Add(k, g)  j = Concat<axis = 1>(k, h) }"""

PRODUCT = """product (float[N, 4, 4] x) => (float[N, 4, 4] y) <float[4, 4] q, float[4, 4] k, float[4, 4] v>
{ a = MatMul(x, q)  b = MatMul(x, k)  c = Transpose<perm = [0, 2, 1]>(b)  p = onnx2snn.SpikingTanh(c)
  m = onnx2snn.SpikingTanh(a)  s = onnx2snn.SpikingMatMul(m, p)  t = onnx2snn.SpikingMul(s, m)  y = MatMul(t, v) }"""

CONTROL = """control (float[N, 4] x, int64[N] i, float[N, 4] m) => (float[N, 4] y) <float[5, 4] table, float[4, 4] w>
{ e = Gather(table, i)  s = Add(x, e)  h = onnx2snn.SpikingRelu(s)  f = Mul(h, m)  g = MatMul(f, w)
  k = onnx2snn.SpikingTanh(g)  y = Add(k, e) }"""

LAYERS = {"mlp": MLP, "cnn": CNN, "two": TWO_INPUTS, "product": PRODUCT, "control": CONTROL}


def sample(model: SpikingModel, batch: int, *, seed: int = 1, time: int = 0, dyadic: bool = False) -> dict:
    """Return inputs of `model`: normal floats, or eighths if `dyadic`; `time` steps of floats where it is not 0."""
    draw, made = np.random.default_rng(seed), {}
    for port in model.program.inputs:
        shape = [batch, *(port.shape or ())[1:]]
        if port.type != onnx.TensorProto.FLOAT:
            made[port.name] = draw.integers(0, 5, shape)
            continue
        shape = [time, *shape] if time else shape
        values = draw.integers(-16, 17, shape) / 8 if dyadic else draw.normal(size=shape)
        made[port.name] = values.astype(np.float32)
    return made
