"""The graph of a network whose spikes are 0 or 1: layers of weights, pools and neurons, edges that add up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WEIGHTED = ("Conv1d", "Conv2d", "Affine")
NEURONS = ("IF", "LIF")


@dataclass(eq=False)
class Layer:
    """One node: its kind, a name, the shape of its output without a batch axis, and the layers it adds up.

    `weight` is [out, in] or [out, in, *kernel], `bias` is [out]; `options` hold strides, pads and the like.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    inputs: list["Layer"]
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def multiply(self, factor: np.ndarray) -> None:
        """Multiply what a weighted layer gives by `factor`, a number or one for each of its outputs or channels."""
        if self.weight is not None and self.bias is not None:
            wide = np.broadcast_to(factor, self.bias.shape)
            self.weight = self.weight * wide.reshape(-1, *[1] * (self.weight.ndim - 1))
            self.bias = self.bias * wide


@dataclass(frozen=True, eq=False)
class Term:
    """`factor` times what `layer` gives; the factor is a number or an array that broadcasts to the layer's shape.

    A `shared` layer has other readers too, so that its weights cannot take the factor in.
    """

    layer: Layer
    factor: np.ndarray
    shared: bool


@dataclass(frozen=True, eq=False)
class Value:
    """A sum of terms of one shape."""

    terms: tuple[Term, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape without a batch axis."""
        return self.terms[0].layer.shape


@dataclass
class Network:
    """The layers in topological order, the first the input, the last the output; neurons by population name."""

    layers: list[Layer] = field(default_factory=list)
    neurons: dict[str, Layer] = field(default_factory=dict)

    def edges(self) -> Iterator[tuple[Layer, Layer]]:
        """Yield the edges, in order of the layers they lead to."""
        for layer in self.layers:
            for before in layer.inputs:
                yield before, layer


def per_channel(factor: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return `factor`, which broadcasts to `shape`, as a number or one a channel (axis 0); None where it is more.

    Shapes have no batch axis, so the channels of an image are axis 0, and a vector has one channel an element.
    """
    if factor.size == 1:
        return factor.reshape(())
    full = factor.reshape((1,) * (len(shape) - factor.ndim) + factor.shape)
    if any(size != 1 for size in full.shape[1:]):
        return None
    return np.broadcast_to(full.reshape(-1), shape[:1])
