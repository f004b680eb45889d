# %% [markdown]
# # An operator of your own
#
# A file may hold an operator that neither ONNX nor onnxruntime knows. The conversion refuses it and names it:

# %%
import numpy as np
import onnx
from onnx.parser import parse_model

import onnx2snn

HEAD = '<ir_version: 8, opset_import: ["" : 17, "my.lab" : 1]>'
GRAPH = """
net (float[batch, 4] x) => (float[batch, 2] y)
<float[4, 4] w = {1, 0, -1, 0.5, 0, 1, 0.5, -1, 1, 1, 0, 0, -0.5, 0, 1, 1},
 float[4, 2] u = {1, -1, 0.5, 1, 0, 1, -1, 0.5}>
{ h = MatMul(x, w)
  a = my.lab.Softsquare<sharpness = 0.5>(h)
  y = MatMul(a, u) }
"""
x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
try:
    onnx2snn.convert(parse_model(HEAD + GRAPH), calibration=x)
except onnx2snn.Onnx2SnnError as error:
    print(error)

# %% [markdown]
# What it computes can be said in the file itself, as a function of ONNX's own operators. Then every tool that reads
# ONNX can run the file, and the operator becomes a neuron like any other nonlinearity: nothing has to be registered.

# %%
FUNCTION = """
<domain: "my.lab", opset_import: ["" : 17]>
Softsquare <sharpness> (x) => (y)
{ s = Constant<value_float: float = @sharpness>()
  one = Constant<value = float {1}>()
  size = Abs(x)
  scaled = Mul(s, size)
  below = Add(one, scaled)
  above = Mul(x, size)
  y = Div(above, below) }
"""
model = parse_model(HEAD + GRAPH + FUNCTION)
onnx.checker.check_model(model)
snn = onnx2snn.convert(model, calibration=x)
print(snn.population_names())

# %%
w, u = (onnx.numpy_helper.to_array(array) for array in model.graph.initializer)
h = x @ w
exact = h * abs(h) / (1 + 0.5 * abs(h)) @ u
y = snn(x, timesteps=4)
print(f"relative error {np.linalg.norm(y - exact) / np.linalg.norm(exact):.2%}")

# %% [markdown]
# An operator that onnxruntime does know, from a domain of its own or of a library of custom operators, and onnx2snn
# does not, takes a torch function under `@operator`: see [extending](../extending.md).
