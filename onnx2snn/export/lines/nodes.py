"""Layers as the nodes of the package `nir`."""

from types import ModuleType
from typing import Any

import numpy as np

from onnx2snn.export.lines.graph import Layer, Network
from onnx2snn.export.lines.targets import Target
from onnx2snn_runtime.errors import UnsupportedError

FOREVER = 1e30
"""A time constant, in seconds, behind which no leak is left in float64."""


def to_nir(nir: ModuleType, network: Network, target: Target, leak: float) -> Any:
    """Return the nir.NIRGraph of `network` for `target`; `leak` is what membranes keep in a step."""
    nodes = {layer.name: _node(nir, layer, target, leak) for layer in network.layers}
    edges = [(before.name, layer.name) for before, layer in _ordered_edges(network)]
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=not target.one_for_all)


def _ordered_edges(network: Network) -> list[tuple[Layer, Layer]]:
    """Return the edges by the layers they leave, those to the next layer first: a depth-first reader takes these."""
    place = {id(layer): index for index, layer in enumerate(network.layers)}
    return sorted(network.edges(), key=lambda edge: (place[id(edge[0])], place[id(edge[1])]))


def _node(nir: ModuleType, layer: Layer, target: Target, leak: float) -> Any:
    shape = np.array(layer.shape)
    if layer.kind == "Input":
        return nir.Input(input_type={"input": shape})
    if layer.kind == "Output":
        return nir.Output(output_type={"output": shape})
    if layer.kind in ("IF", "LIF"):
        return _neuron(nir, layer, target, leak)
    before = layer.inputs[0].shape
    if layer.kind == "Flatten":
        return nir.Flatten(input_type={"input": np.array(before)}, start_dim=0, end_dim=-1)
    if layer.weight is None or layer.bias is None:
        parts = {name: np.array(value) for name, value in layer.options.items()}
        return getattr(nir, layer.kind)(**parts)
    weight, bias = layer.weight.astype(np.float32), layer.bias.astype(np.float32)
    if layer.kind == "Affine":
        return nir.Affine(weight=weight, bias=bias)
    axes = len(layer.shape) - 1
    if axes not in target.axes:
        raise UnsupportedError(
            f"the layer {layer.name!r} is a convolution over {axes} {'axis' if axes == 1 else 'axes'}, which "
            f"{target.name} does not read: convert a network of convolutions over images"
        )
    options = {name: (value if axes > 1 else value[0]) for name, value in layer.options.items()}
    size = before[1:] if axes > 1 else before[1]
    return getattr(nir, layer.kind)(input_shape=size, weight=weight, bias=bias, groups=1, **options)


def _neuron(nir: ModuleType, layer: Layer, target: Target, leak: float) -> Any:
    """Return the node of neurons; their currents arrive in units of what is left of them in a step."""

    shape = (1,) if target.one_for_all and len(layer.shape) > 1 else layer.shape

    def full(value: float) -> np.ndarray:
        # float64 where float32 cannot hold it
        return np.full(shape, value, np.float32 if abs(value) < 1e20 else np.float64)

    threshold = full(target.threshold)
    if leak == 1 and not target.lif_for_if:
        r = 1.0 / target.dt if target.name == "spikingjelly" else 1.0
        return nir.IF(r=full(r), v_threshold=threshold, v_reset=full(0.0))
    if target.name == "sinabs":
        tau, r = FOREVER if leak == 1 else -1.0 / np.log(leak), 1.0
    elif leak == 1:
        tau, r = FOREVER, FOREVER / target.dt
    else:
        tau = target.dt / (1.0 - leak)
        r = 1.0 if target.name == "norse" else tau / target.dt
    times = {name: np.full(shape, value, np.float64) for name, value in (("tau", tau), ("r", r))}
    return nir.LIF(**times, v_leak=full(0.0), v_threshold=threshold, v_reset=full(0.0))
