"""Builds layers: folds factors into weights, adds terms, and inserts scale layers only where it has to."""

import re

import numpy as np

from onnx2snn.export.lines.graph import WEIGHTED, Layer, Network, Term, Value, per_channel
from onnx2snn_runtime.errors import UnsupportedError

ONE = np.ones(())
NEURON_SCALES = "its neurons have scales of their own: convert with --scale layer or --scale channel"


class Builder:
    """Collects the layers of a network.

    `dense` is whether all is to be said by layers of weights, of one group and with square kernels; otherwise there are
    also the kinds Scale (a factor and a bias a channel), Concat and Pad, and `groups` among the options.
    """

    def __init__(self, dense: bool = True) -> None:
        self.dense = dense
        self.network = Network()
        self._names: set[str] = set()

    def add(self, kind: str, name: str, shape: tuple[int, ...], inputs: list[Layer], **parts: object) -> Layer:
        """Return a new layer; its name becomes an identifier of its own."""
        stem = re.sub(r"\W+", "_", name).strip("_") or kind.lower()
        stem = f"n_{stem}" if stem[0].isdigit() else stem
        unique, count = stem, 1
        while unique.lower() in self._names:
            count += 1
            unique = f"{stem}_{count}"
        self._names.add(unique.lower())
        layer = Layer(kind, unique, shape, inputs, **parts)  # type: ignore[arg-type]
        self.network.layers.append(layer)
        return layer

    def one(self, layer: Layer, factor: np.ndarray = ONE) -> Value:
        """Return the value of a layer that nothing else reads so far."""
        return Value((Term(layer, factor, False),))

    def common(self, value: Value) -> tuple[list[Layer], np.ndarray]:
        """Return layers to add up, and one factor of their sum."""
        terms = _merged(value)
        first = terms[0].factor
        if all(np.array_equal(term.factor, first) for term in terms):
            return [term.layer for term in terms], first
        return self.scaled(value, ONE), ONE

    def scaled(self, value: Value, divisor: np.ndarray) -> list[Layer]:
        """Return layers that add up to `value` / `divisor`."""
        return [self._scaled(term, term.factor / divisor) for term in _merged(value)]

    def _scaled(self, term: Term, factor: np.ndarray) -> Layer:
        layer = term.layer
        if np.all(factor == 1):
            return layer
        channels = per_channel(factor, layer.shape)
        if channels is None:
            raise UnsupportedError(NEURON_SCALES)
        if layer.kind in WEIGHTED and not term.shared:
            layer.multiply(channels)
            return layer
        return self.identity(layer, channels)

    def identity(self, layer: Layer, factor: np.ndarray, bias: np.ndarray | None = None) -> Layer:
        """Return a layer of weights that gives `factor` times `layer` plus `bias`, both a number or one a channel."""
        return self.identities([layer], factor, bias)

    def identities(self, layers: list[Layer], factor: np.ndarray, bias: np.ndarray | None = None) -> Layer:
        """Return a layer that gives `factor` times the sum of `layers` plus `bias`, both a number or one a channel."""
        layer = layers[0]
        size = layer.shape[0]
        if not self.dense:
            row = np.broadcast_to(factor, (size,)).astype(np.float64)
            shift = np.broadcast_to(0.0 if bias is None else bias, (size,)).astype(np.float64)
            return self.add("Scale", f"{layer.name}_scaled", layer.shape, layers, weight=row, bias=shift)
        weight = np.diag(np.broadcast_to(factor, (size,)).astype(np.float64))
        return self.weights(f"{layer.name}_scaled", layers, weight, bias)

    def weights(self, name: str, inputs: list[Layer], weight: np.ndarray, bias: np.ndarray | None) -> Layer:
        """Return a layer that maps channels by the matrix `weight` [out, in] at every place."""
        shape = inputs[0].shape
        out = np.zeros(len(weight)) if bias is None else np.broadcast_to(bias, (len(weight),)).astype(np.float64)
        places = len(shape) - 1
        if not places:
            return self.add("Affine", name, (len(weight),), inputs, weight=weight, bias=out)
        ones, none = (1,) * places, (0,) * places
        return self.add(
            f"Conv{places}d", name, (len(weight), *shape[1:]), inputs, weight=weight.reshape(*weight.shape, *ones),
            bias=out, options={"stride": ones, "padding": none, "dilation": ones},
        )  # fmt: skip


def _merged(value: Value) -> list[Term]:
    """Return the terms, those of one layer as one: an edge is there once."""
    found: dict[int, Term] = {}
    for term in value.terms:
        before = found.get(id(term.layer))
        factor = term.factor if before is None else before.factor + term.factor
        found[id(term.layer)] = Term(term.layer, factor, term.shared or before is not None)
    return list(found.values())
