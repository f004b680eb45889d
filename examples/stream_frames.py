# %% [markdown]
# # Frames that change little
#
# The default neuron sends corrections. On a stream whose frames are alike it therefore sends little: here sixteen
# digits fade slowly into others, the network keeps its state, and what each frame costs is counted.

# %%
import numpy as np
import torch
from sklearn.datasets import load_digits

import onnx2snn

digits = load_digits()
image = (digits.images[:, None] / 16).astype(np.float32)
torch.manual_seed(0)
net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(512, 10)
)
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
for _ in range(60):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(torch.from_numpy(image)), torch.from_numpy(digits.target)).backward()
    optimizer.step()
free = {"image": {0: "batch"}}
torch.onnx.export(
    net.eval(), (torch.zeros(1, 1, 8, 8),), "net.onnx", input_names=["image"], dynamic_axes=free, dynamo=False
)
snn = onnx2snn.convert("net.onnx", calibration=image[:64], encoder="differential")  # the input sends changes too

# %% [markdown]
# A stream takes one frame after the other, [samples, 1, 8, 8]: here sixteen streams side by side. The dead zone leaves
# out corrections that are too small to matter; `onnx2snn tune --stream` finds it, and here it is set by hand.

# %%
for name in snn.population_names():
    snn.set_population(name, dead_zone=0.01)
dense = snn.plain_operations(image[:1]).dense_macs
first, last = image[:16], image[16:32]
with snn.stream(operations=True) as stream:
    for number, share in enumerate(np.linspace(0, 1, 11)):
        frame = ((1 - share) * first + share * last).astype(np.float32)
        logits = stream(frame)
        plain = net(torch.from_numpy(frame)).argmax(1).numpy()
        print(
            f"frame {number:2}: agreement {np.mean(logits.argmax(1) == plain):5.0%}, "
            f"{stream.last.silent:4.0%} of the neurons silent, "
            f"{stream.last.operations.synaptic_operations / len(frame) / dense:.2f} of the dense operations"
        )
