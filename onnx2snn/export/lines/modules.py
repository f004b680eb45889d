"""Layers as a torch network over time steps: weights are nn.Linear and nn.Conv, neurons are modules of their own."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from onnx2snn.export.lines.graph import Layer, Network
from onnx2snn_runtime.dynamics.integrate_and_fire import TIE, IntegrateAndFire

Tensor = torch.Tensor


class Neurons(nn.Module):
    """Neurons of threshold 1: u <- leak u + I; a spike of 1 where u >= 1; u <- u - 1 (soft) or 0 (hard)."""

    def __init__(self, dynamics: IntegrateAndFire) -> None:
        super().__init__()
        self.leak, self.initial, self.hard = dynamics.keep, dynamics.initial, dynamics.reset == "hard"
        self.u: Tensor | None = None

    def forward(self, current: Tensor) -> Tensor:
        """Return the spikes of a step, 0 or 1."""
        before = torch.full_like(current, self.initial) if self.u is None else self.u
        u = self.leak * before + current
        spikes = (u >= 1 - TIE).to(u.dtype)
        self.u = u * (1 - spikes) if self.hard else u - spikes
        return spikes

    def reset(self) -> None:
        """Forget the membrane."""
        self.u = None


class Stepped(nn.Module):
    """A network of layers that takes `timesteps` steps on an input [samples, ...] and returns the decoded output.

    What depends on the input alone is computed once, as in our own runs.
    """

    def __init__(self, network: Network, dynamics: IntegrateAndFire, timesteps: int) -> None:
        super().__init__()
        self.layers, self.timesteps, self.leak = network.layers, timesteps, dynamics.keep
        for layer in network.layers:
            module = Neurons(dynamics) if layer.kind in ("IF", "LIF") else _weights(layer)
            if module is not None:
                self.add_module(layer.name, module)
        spiking: set[int] = set()
        for layer in network.layers:
            if layer.kind in ("IF", "LIF") or any(id(before) in spiking for before in layer.inputs):
                spiking.add(id(layer))
        self.once = [layer for layer in network.layers if id(layer) not in spiking]
        self.stepped = [layer for layer in network.layers if id(layer) in spiking]

    def forward(self, x: Tensor) -> Tensor:
        """Return the (leaky) mean of the outputs of all steps."""
        for module in self.modules():
            if isinstance(module, Neurons):
                module.reset()
        fixed: dict[int, Tensor] = {}
        for layer in self.once:
            fixed[id(layer)] = x if layer.kind == "Input" else self._compute(layer, fixed)
        total, weight = torch.zeros(()), 0.0
        for _ in range(self.timesteps):
            values = dict(fixed)
            for layer in self.stepped:
                values[id(layer)] = self._compute(layer, values)
            total, weight = self.leak * total + values[id(self.layers[-1])], self.leak * weight + 1.0
        return total / weight

    def _compute(self, layer: Layer, values: dict[int, Tensor]) -> Tensor:
        parts = [values[id(before)] for before in layer.inputs]
        if layer.kind == "Concat":
            return torch.cat(parts, 1)
        given = parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)
        module = getattr(self, layer.name, None)
        if module is not None:
            made: Tensor = module(given)
            return made
        return _plain(layer, given)


def _plain(layer: Layer, x: Tensor) -> Tensor:
    """Return what a layer without weights of synapses gives."""
    o: dict[str, Any] = layer.options
    if layer.kind == "Flatten":
        return x.flatten(1)
    if layer.kind == "Pad":
        return functional.pad(x, o["pads"])
    if layer.kind == "AvgPool2d":
        return functional.avg_pool2d(x, o["kernel_size"], o["stride"], o["padding"])
    if layer.weight is not None and layer.bias is not None:  # Scale
        shape = (-1, *[1] * (x.ndim - 2))
        return x * torch.from_numpy(layer.weight).to(x).reshape(shape) + torch.from_numpy(layer.bias).to(x).reshape(
            shape
        )
    return x


def _weights(layer: Layer) -> nn.Module | None:
    """Return the module of a layer of weights, None for another; a bias of zeros is left out."""
    if layer.kind not in ("Affine", "Conv1d", "Conv2d") or layer.weight is None or layer.bias is None:
        return None
    weight, biased = layer.weight, bool(np.any(layer.bias))
    if layer.kind == "Affine":
        module: Any = nn.Linear(weight.shape[1], weight.shape[0], bias=biased)
    else:
        kind = nn.Conv2d if layer.kind == "Conv2d" else nn.Conv1d
        groups = layer.options.get("groups", 1)
        module = kind(weight.shape[1] * groups, weight.shape[0], weight.shape[2:], bias=biased, **layer.options)
    module.weight.data = torch.from_numpy(weight).contiguous()
    if biased:
        module.bias.data = torch.from_numpy(layer.bias).contiguous()
    found: nn.Module = module
    return found
