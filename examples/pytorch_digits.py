# %% [markdown]
# # A PyTorch network
#
# A small convolutional network is trained on handwritten digits, exported to ONNX, and made spiking. Nothing is trained
# anew: the converter measures ranges on a few dozen images, and the spiking network answers after two time steps.
#
#     pip install . scikit-learn

# %%
import numpy as np
import torch
from sklearn.datasets import load_digits

digits = load_digits()
image = (digits.images[:, None] / 16).astype(np.float32)  # [1797, 1, 8, 8], from 0 to 1
label = digits.target
train, test = slice(0, 1400), slice(1400, None)

# %% [markdown]
# Any network will do. This one has a GELU and a maximum pooling, which converters of ReLU networks refuse.

# %%
torch.manual_seed(0)
net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 16, 3, padding=1),
    torch.nn.GELU(),
    torch.nn.MaxPool2d(2),
    torch.nn.Flatten(),
    torch.nn.Linear(256, 32),
    torch.nn.ReLU(),
    torch.nn.Linear(32, 10),
)
optimizer = torch.optim.Adam(net.parameters(), 3e-3)
x, y = torch.from_numpy(image[train]), torch.from_numpy(label[train])
for _ in range(15):
    for batch in torch.randperm(len(x)).split(64):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
        optimizer.step()

# %% [markdown]
# Export it with a batch axis of any size. The name of the input is the name that data files use.

# %%
free = {"image": {0: "batch"}}
torch.onnx.export(
    net.eval(), (x[:1],), "digits.onnx", input_names=["image"], output_names=["logits"], dynamic_axes=free, dynamo=False
)

# %% [markdown]
# Convert it. The images of the calibration are not those of the test, and need no labels.

# %%
import onnx2snn

snn = onnx2snn.convert("digits.onnx", calibration=image[train][:64])
snn.save("digits.snn.onnx", force=True)
print(f"{snn.conversion.populations} populations; error on samples held back {snn.conversion.relative_error:.2%}")

# %% [markdown]
# Run it, and look at every time step of one run. `events` are spikes: what a neuron sends.

# %%
run = snn.run(image[test], timesteps=[1, 2, 4])
plain = net(torch.from_numpy(image[test])).detach().numpy().argmax(1)
for t in (1, 2, 4):
    found = run.outputs[t].argmax(1)
    print(
        f"T={t}: accuracy {np.mean(found == label[test]):.1%} (plain {np.mean(plain == label[test]):.1%}), "
        f"agreement {np.mean(found == plain):.1%}, {run.events_per_neuron[t]:.2f} spikes a neuron"
    )

# %% [markdown]
# The same on the command line, where `test.npz` holds `image` and `labels`:
#
#     onnx2snn convert digits.onnx -o digits.snn.onnx --calibration train.npz
#     onnx2snn evaluate digits.snn.onnx --data test.npz --timesteps 1,2,4
#
# On a GPU: `onnx2snn.load("digits.snn.onnx", device="cuda")`.
