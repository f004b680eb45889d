"""Runs layers by their definition: the oracle of what is written for other simulators."""

import numpy as np
import torch
from torch.nn import functional

from onnx2snn.export.lines.graph import Layer, Network

Spikes = dict[str, torch.Tensor]


def simulate(network: Network, x: np.ndarray, steps: int, reset: str, threshold: float, leak: float = 1.0):
    """Return the outputs [T, samples, ...], and the spikes [T, samples, ...] by layer, of `x` held for all steps."""
    membranes: dict[str, torch.Tensor] = {}
    outputs, spikes = [], {layer.name: [] for layer in network.neurons.values()}
    for _ in range(steps):
        values: dict[int, torch.Tensor] = {}
        for layer in network.layers:
            if layer.kind == "Input":
                values[id(layer)] = torch.from_numpy(x)
                continue
            given = sum(values[id(before)] for before in layer.inputs)
            assert isinstance(given, torch.Tensor)
            if layer.kind in ("IF", "LIF"):
                u = leak * membranes.get(layer.name, torch.zeros_like(given)) + given
                fires = (u >= threshold).to(u.dtype)
                membranes[layer.name] = u - fires if reset == "soft" else u * (1 - fires)
                spikes[layer.name].append(fires)
                values[id(layer)] = fires
            else:
                values[id(layer)] = _compute(layer, given)
            assert values[id(layer)].shape[1:] == layer.shape, layer
        outputs.append(values[id(network.layers[-1])])
    return torch.stack(outputs).numpy(), {name: torch.stack(value).numpy() for name, value in spikes.items()}


def _compute(layer: Layer, x: torch.Tensor) -> torch.Tensor:
    if layer.kind == "Output":
        return x
    if layer.kind == "Flatten":
        return x.flatten(1)
    if layer.kind in ("AvgPool2d", "SumPool2d"):
        o = layer.options
        return functional.avg_pool2d(
            x, o["kernel_size"], o["stride"], o["padding"], divisor_override=1 if layer.kind == "SumPool2d" else None
        )
    assert layer.weight is not None
    assert layer.bias is not None
    weight, bias = torch.from_numpy(layer.weight).to(x), torch.from_numpy(layer.bias).to(x)
    if layer.kind == "Affine":
        return functional.linear(x, weight, bias)
    function = functional.conv2d if layer.kind == "Conv2d" else functional.conv1d
    return function(x, weight, bias, **layer.options)
