# %% [markdown]
# # Which payload, which T
#
# The same network with every kind of spike: a float of 8 bits, a float of 10, a power of two, a sign. Printed is what a
# table of a paper needs: agreement, time steps, spikes a neuron, and energy beside the plain network, in fp32 and int8.

# %%
import numpy as np
import torch
from sklearn.datasets import load_digits

import onnx2snn
from onnx2snn.data.readers import make_samples
from onnx2snn.evaluation.evaluation import evaluate

digits = load_digits()
image = (digits.images[:, None] / 16).astype(np.float32)
torch.manual_seed(0)
net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.GELU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(8, 16, 3, padding=1),
    torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(256, 10),
)  # fmt: skip
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
x, y = torch.from_numpy(image[:1400]), torch.from_numpy(digits.target[:1400])
for _ in range(60):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
free = {"image": {0: "batch"}}
torch.onnx.export(
    net.eval(), (torch.zeros(1, 1, 8, 8),), "net.onnx", input_names=["image"], dynamic_axes=free, dynamo=False
)

# %%
test = make_samples({"image": image[1400:], "labels": digits.target[1400:]}, ["image"], "the digits")
print("payload         T  agreement  spikes a neuron  energy: fp32  int8")
for payload, bits in (("graded", 8), ("graded", 10), ("power", None), ("ternary", None), ("binary", None)):
    snn = onnx2snn.convert("net.onnx", calibration=image[:64], payload=payload, bits=bits, budget=10)
    t = snn.defaults.timesteps
    figures = evaluate(snn, test, [t])
    row, energy = figures["timesteps"][str(t)], figures["energy"]
    print(
        f"{payload:8} {bits or '':2} {t:5} {row['agreement']:10.1%} {row['events_per_neuron']:16.2f} "
        f"{energy['fp32'][str(t)]['ratio']:13.2f} {energy['int8'][str(t)]['ratio']:5.2f}"
    )

# %% [markdown]
# Below 1 the spiking network takes less energy than the plain one in the same arithmetic; the constants and what they
# leave out are in `energy`. A sign at every step is by far the dearest payload: it never falls silent.
