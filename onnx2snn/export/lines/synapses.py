"""Translates affine operators to layers: one function per operator, from Values to a Value.

A function takes a Site and returns the Value of the node's output; what cannot be said raises UnsupportedError with the
reason alone, the node is named by the caller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onnx2snn.export.lines.builder import ONE, Builder
from onnx2snn.export.lines.graph import Term, Value, per_channel
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.program.interpreter import Call
from onnx2snn_runtime.registry import Registry


@dataclass(frozen=True)
class Site:
    """A node: its call, the values of its inputs (a Value, a constant array, or None) and where layers are made.

    `sums` is whether average pools are to be written as sums.
    """

    call: Call
    inputs: tuple[Any, ...]
    builder: Builder
    sums: bool

    @property
    def name(self) -> str:
        """The name of the output, which layers are named after."""
        return self.call.node or self.call.outputs[0]

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of the node."""
        return self.call.attributes.get(name, default)

    def constant(self, index: int, what: str) -> np.ndarray:
        """Return input `index`, which has to be a constant."""
        value = self.inputs[index]
        if not isinstance(value, np.ndarray):
            raise UnsupportedError(f"its {what} are not constant")
        return value

    def value(self, index: int = 0) -> Value:
        """Return input `index`, which has to come from neurons or from the network's input."""
        value = self.inputs[index]
        if not isinstance(value, Value):
            raise UnsupportedError(f"its input {index} comes from no neuron")
        return value


SYNAPSES: Registry[Callable[[Site], Value]] = Registry("synapse", "onnx2snn.export.lines")


@SYNAPSES.register("Identity")
@SYNAPSES.register("Dropout")
@SYNAPSES.register("Cast")
def same(site: Site) -> Value:
    """y = x."""
    return site.value()


@SYNAPSES.register("Neg")
def negated(site: Site) -> Value:
    """y = -x."""
    return _times(site.value(), np.array(-1.0))


@SYNAPSES.register("Add")
@SYNAPSES.register("Sum")
def added(site: Site) -> Value:
    """y = x1 + x2 + ...; a constant becomes a bias."""
    values = [value for value in site.inputs if isinstance(value, Value)]
    total = _plus(values)
    for constant in site.inputs:
        if isinstance(constant, np.ndarray):
            total = _shifted(site, total, constant)
    return total


@SYNAPSES.register("Sub")
def subtracted(site: Site) -> Value:
    """y = a - b."""
    a, b = site.inputs
    if isinstance(a, Value) and isinstance(b, Value):
        return _plus([a, _times(b, np.array(-1.0))])
    return _shifted(site, a, -b) if isinstance(a, Value) else _shifted(site, _times(b, np.array(-1.0)), a)


@SYNAPSES.register("Mul")
def multiplied(site: Site) -> Value:
    """y = a c for a constant c."""
    a, b = site.inputs
    value, constant = (a, b) if isinstance(a, Value) else (b, a)
    if not isinstance(constant, np.ndarray):
        raise UnsupportedError("it multiplies two values")
    return _times(value, _bare(constant, value))


@SYNAPSES.register("Div")
def divided(site: Site) -> Value:
    """y = a / c for a constant c."""
    return _times(site.value(), 1.0 / _bare(site.constant(1, "divisors").astype(np.float64), site.value()))


@SYNAPSES.register("Gemm")
def gemm(site: Site) -> Value:
    """y = alpha x W + beta c."""
    if site.attribute("transA", 0):
        raise UnsupportedError("it transposes its input")
    weight = site.constant(1, "weights").astype(np.float64) * site.attribute("alpha", 1.0)
    weight = weight if site.attribute("transB", 0) else weight.T
    bias = None
    if len(site.inputs) > 2 and site.inputs[2] is not None:
        bias = _row(site.constant(2, "biases") * site.attribute("beta", 1.0), len(weight))
    return _affine(site, weight, bias)


@SYNAPSES.register("MatMul")
def matmul(site: Site) -> Value:
    """y = x W."""
    weight = site.constant(1, "weights")
    if weight.ndim != 2:
        raise UnsupportedError("its weights are no matrix")
    return _affine(site, weight.T.astype(np.float64), None)


def _affine(site: Site, weight: np.ndarray, bias: np.ndarray | None) -> Value:
    value = site.value()
    if len(value.shape) != 1:
        raise UnsupportedError("it maps the last axis of many, not a vector a sample")
    inputs, factor = site.builder.common(value)
    return site.builder.one(site.builder.weights(site.name, inputs, weight * factor, bias))


@SYNAPSES.register("Concat")
def concatenated(site: Site) -> Value:
    """y = x1, x2, ... along the channels: each by weights that put it into its place."""
    values = [value for value in site.inputs if isinstance(value, Value)]
    if len(values) < len(site.inputs):
        raise UnsupportedError("it joins constants to values")
    if site.attribute("axis", 1) not in (1, -len(values[0].shape)):
        raise UnsupportedError("it joins values along another axis than the channels")
    if not site.builder.dense:
        parts = [site.builder.scaled(value, ONE) for value in values]
        one = [layers[0] if len(layers) == 1 else site.builder.identities(layers, ONE) for layers in parts]
        shape = (sum(value.shape[0] for value in values), *values[0].shape[1:])
        return site.builder.one(site.builder.add("Concat", site.name, shape, one))
    total, start, terms = sum(value.shape[0] for value in values), 0, list[Term]()
    for value in values:
        inputs, factor = site.builder.common(value)
        channels = per_channel(factor, value.shape)
        if channels is None:
            raise UnsupportedError("its neurons have scales of their own")
        weight = np.zeros((total, value.shape[0]))
        weight[start : start + value.shape[0]] = np.diag(np.broadcast_to(channels, value.shape[:1]))
        start += value.shape[0]
        terms += site.builder.one(site.builder.weights(site.name, inputs, weight, None)).terms
    return Value(tuple(terms))


@SYNAPSES.register("Flatten")
def flattened(site: Site) -> Value:
    """y = x as a vector a sample."""
    if site.attribute("axis", 1) != 1:
        raise UnsupportedError("it flattens from another axis than the first behind the batch")
    return _vector(site)


@SYNAPSES.register("Reshape")
@SYNAPSES.register("Squeeze")
def reshaped(site: Site) -> Value:
    """y = x as a vector a sample, where that is what the shape says."""
    wanted = [] if len(site.inputs) < 2 or site.inputs[1] is None else site.constant(1, "shapes").tolist()
    value = site.value()
    rest = int(np.prod(value.shape))
    flat = len(wanted) == 2 and wanted[1] in (-1, rest)
    squeezed = site.call.op_type == "Squeeze" and rest == value.shape[0]
    if not (flat or squeezed):
        raise UnsupportedError("it makes another shape than a vector a sample")
    return _vector(site)


def _vector(site: Site) -> Value:
    value = site.value()
    if len(value.shape) == 1:
        return value
    terms = []
    for term in value.terms:
        full = np.broadcast_to(term.factor, value.shape) if term.factor.size > 1 else term.factor
        size = int(np.prod(value.shape))
        layer = site.builder.add("Flatten", site.name, (size,), [term.layer])
        terms.append(Term(layer, full.reshape(-1) if full.size > 1 else full, False))
    return Value(tuple(terms))


def _plus(values: Sequence[Value]) -> Value:
    if len({value.shape for value in values}) > 1:
        raise UnsupportedError("it adds values of different shapes")
    return Value(tuple(term for value in values for term in value.terms))


def _times(value: Value, factor: np.ndarray) -> Value:
    return Value(tuple(replace(term, factor=term.factor * factor) for term in value.terms))


def _shifted(site: Site, value: Value, constant: np.ndarray) -> Value:
    """Return `value` plus a bias, in a layer that it has or in one of its own."""
    channels = per_channel(_bare(constant, value), value.shape)
    if channels is None:
        raise UnsupportedError("it adds a bias that is not one a channel")
    for term in value.terms:
        if term.layer.bias is not None and not term.shared and np.all(term.factor == 1):
            term.layer.bias = term.layer.bias + channels
            return value
    inputs, factor = site.builder.common(value)
    spread = per_channel(factor, value.shape)
    if spread is None:
        raise UnsupportedError("its neurons have scales of their own")
    return site.builder.one(site.builder.identities(inputs, spread, channels))


def _bare(constant: np.ndarray, value: Value) -> np.ndarray:
    """Return `constant` without its batch axis."""
    rank = len(value.shape)
    if constant.ndim > rank:
        if constant.shape[: constant.ndim - rank] != (1,) * (constant.ndim - rank):
            raise UnsupportedError("its constant differs from sample to sample")
        constant = constant.reshape(constant.shape[constant.ndim - rank :])
    return constant.astype(np.float64)


def _row(bias: np.ndarray, size: int) -> np.ndarray:
    if bias.size not in (1, size):
        raise UnsupportedError("its biases are not one an output")
    return np.broadcast_to(bias.reshape(-1), (size,))
