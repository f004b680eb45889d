"""An order of layers in which a reader that walks depth first computes every layer after those it reads.

The readers of sinabs and norse walk a graph depth first and compute a node when they come to it, whether or not what
it reads is there. They are right where every layer is read by the next one. So layers are put into such an order, and
where one does not read the one before it, an edge of zero weights makes it do so.
"""

from itertools import pairwise

import numpy as np

from onnx2snn.export.lines.graph import Layer, Network
from onnx2snn_runtime.errors import UnsupportedError


def walk(network: Network) -> int:
    """Put `network` into an order that can be walked, adding layers of zero weights; return how many were added."""
    ordered, added = _ordered(network), list[Layer]()
    final = [ordered[0]]
    for before, layer in pairwise(ordered):
        if before not in layer.inputs:
            zero = _zero(before, layer)
            layer.inputs = [*layer.inputs, zero]
            final.append(zero)
            added.append(zero)
        final.append(layer)
    network.layers = final
    return len(added)


def _ordered(network: Network) -> list[Layer]:
    """Return the layers in a topological order in which a layer follows one that it reads, wherever that can be."""
    readers: dict[int, list[Layer]] = {id(layer): [] for layer in network.layers}
    missing = {id(layer): len(layer.inputs) for layer in network.layers}
    place = {id(layer): index for index, layer in enumerate(network.layers)}
    for before, layer in network.edges():
        readers[id(before)].append(layer)
    ready = [layer for layer in network.layers if not layer.inputs]
    ordered: list[Layer] = []
    while ready:
        last = ordered[-1] if ordered else None
        follows = [layer for layer in ready if last is not None and last in layer.inputs]
        # a short branch first: what is left then follows from the long one
        chosen = min(follows or ready, key=lambda layer: (_reach(layer, readers, missing), place[id(layer)]))
        ready.remove(chosen)
        ordered.append(chosen)
        for layer in readers[id(chosen)]:
            missing[id(layer)] -= 1
            if not missing[id(layer)]:
                ready.append(layer)
    return ordered


def _reach(layer: Layer, readers: dict[int, list[Layer]], missing: dict[int, int]) -> int:
    """Return how many layers can be computed one after the other from `layer` on, until one has to wait."""
    count, current = 0, layer
    while len(readers[id(current)]) == 1 and missing[id(readers[id(current)][0])] == 1:
        current = readers[id(current)][0]
        count += 1
    return count


def _zero(before: Layer, layer: Layer) -> Layer:
    """Return a layer of zero weights from `before` to the shape of what `layer` reads."""
    source, wanted = before.shape, layer.inputs[0].shape
    name = f"order_{before.name}_{layer.name}"
    if len(source) != len(wanted) or len(source) == 2:
        raise UnsupportedError(
            f"the layers {before.name!r} and {layer.name!r} stand in branches of different ranks, which this reader "
            "computes in a wrong order: choose the target snntorch or spikingjelly"
        )
    if len(source) == 1:
        return Layer("Affine", name, wanted, [before], np.zeros((wanted[0], source[0])), np.zeros(wanted))
    kernel, pads = zip(*(_fitting(a, b) for a, b in zip(source[1:], wanted[1:], strict=True)), strict=True)
    weight = np.zeros((wanted[0], source[0], *kernel))
    options = {"stride": (1, 1), "padding": pads, "dilation": (1, 1)}
    return Layer("Conv2d", name, wanted, [before], weight, np.zeros(wanted[0]), options)


def _fitting(size: int, wanted: int) -> tuple[int, int]:
    """Return a kernel and a padding that make `wanted` places of `size`."""
    if wanted <= size:
        return size - wanted + 1, 0
    kernel = 1 + (wanted - size) % 2
    return kernel, (wanted - size + kernel - 1) // 2
