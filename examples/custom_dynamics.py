# %% [markdown]
# # A dynamics of your own
#
# A dynamics says what a neuron sends when its estimate `v` is not `f(x)`. Here is one whose spikes have three values of
# magnitude: 1, 1/4 and 1/16 of the neuron's scale. It is one frozen dataclass; every executor, probe and count takes it
# by its name.

# %%
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor

import onnx2snn
from onnx2snn_runtime.dynamics.base import DYNAMICS, Accumulating, Neuron, State


@DYNAMICS.register("three_values")
@dataclass(frozen=True)
class ThreeValues(Accumulating):
    """s = the largest of scale (1, 1/4, 1/16) that is not beyond the error by more than a half, else nothing."""

    def step(self, state: State, target: Tensor, t: int, neuron: Neuron) -> tuple[State, Tensor]:
        """Return the new state, v + s, and the spikes s, of the shape of `target`."""
        error = (target - state.v) / neuron.scale
        spike = torch.zeros_like(error)
        for size in (1 / 16, 1 / 4, 1.0):
            spike = torch.where(error.abs() > size / 1.5, size * error.sign(), spike)
        spike = spike * neuron.scale
        return State(state.v + spike), spike


# %%
digits = load_digits()
image = (digits.images[:, None] / 16).astype(np.float32)
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.SiLU(), torch.nn.Linear(64, 10))
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
for _ in range(100):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(torch.from_numpy(image)), torch.from_numpy(digits.target)).backward()
    optimizer.step()
free = {"image": {0: "batch"}}
torch.onnx.export(
    net.eval(), (torch.zeros(1, 1, 8, 8),), "net.onnx", input_names=["image"], dynamic_axes=free, dynamo=False
)

# %%
snn = onnx2snn.convert("net.onnx", calibration=image[:64], adapt=False)
plain = net(torch.from_numpy(image)).argmax(1).numpy()
for name in ("three_values", "differential", "signgd"):
    run = snn.run(image, timesteps=[2, 4, 8], dynamics=name)
    same = ", ".join(f"{np.mean(run.outputs[t].argmax(1) == plain):.1%} (T={t})" for t in (2, 4, 8))
    print(f"{name}: agreement {same}; {run.events_per_neuron[8]:.2f} spikes a neuron")
