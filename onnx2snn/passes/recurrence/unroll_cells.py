"""Emits one step of an LSTM, GRU or RNN cell as plain operators, with ONNX's activations, clipping and peepholes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from onnx2snn.passes.rewriting.node_builder import NodeBuilder, attributes_of

_DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_PLAIN = {name.lower(): name for name in ("Sigmoid", "Tanh", "Relu", "Softsign", "Softplus")}
_WITH_ALPHA = {"leakyrelu": ("LeakyRelu", 0.01), "thresholdedrelu": ("ThresholdedRelu", 1.0), "elu": ("Elu", 1.0)}
_WITH_BOTH = {"affine": (1.0, 0.0), "scaledtanh": (1.0, 1.0), "hardsigmoid": (0.2, 0.5)}

State = tuple[str | None, ...]
Activation = Callable[[str], str]


@dataclass
class Layer:
    """A recurrent node, its inputs (None where omitted), its attributes, its length and its constant weights."""

    node: onnx.NodeProto
    inputs: list[str | None]
    attributes: dict[str, Any]
    steps: int
    weights: dict[int, np.ndarray]

    def weight(self, index: int, direction: int) -> np.ndarray | None:
        """Return the weights at input `index` for a direction."""
        value = self.weights.get(index)
        return None if value is None else value[direction]


def _activations(layer: Layer, build: NodeBuilder, direction: int, directions: int) -> list[Activation]:
    """Return functions that emit the activations of a direction, those of gates behind the clipping of their input.

    That of an LSTM's cell is not clipped, as onnxruntime does it.
    """
    a, default = layer.attributes, _DEFAULTS[layer.node.op_type]
    names = [name.lower() for name in a.get("activations") or default * directions]
    alphas, betas = list(a.get("activation_alpha") or []), list(a.get("activation_beta") or [])
    clip = a.get("clip")
    made: list[Activation] = []
    for index, name in enumerate(names):
        alpha = beta = 0.0
        if name in _WITH_ALPHA:
            alpha = alphas.pop(0) if alphas else _WITH_ALPHA[name][1]
        elif name in _WITH_BOTH:
            alpha = alphas.pop(0) if alphas else _WITH_BOTH[name][0]
            beta = betas.pop(0) if betas else _WITH_BOTH[name][1]
        made.append(_activation(build, name, alpha, beta, None if index % 3 == 2 and len(default) == 3 else clip))
    return made[direction * len(default) : (direction + 1) * len(default)]


def _activation(build: NodeBuilder, name: str, alpha: float, beta: float, clip: float | None) -> Activation:
    def number(value: float) -> str:
        return build.constant(np.array(value, np.float32), "number")

    def apply(x: str) -> str:
        x = build.add("Clip", x, number(-clip), number(clip)) if clip else x
        if name in _PLAIN:
            return str(build.add(_PLAIN[name], x))
        if name in _WITH_ALPHA:
            return str(build.add(_WITH_ALPHA[name][0], x, alpha=alpha))
        if name == "hardsigmoid":
            return str(build.add("HardSigmoid", x, alpha=alpha, beta=beta))
        if name == "affine":
            return str(build.add("Add", build.add("Mul", x, number(alpha)), number(beta)))
        return str(build.add("Mul", build.add("Tanh", build.add("Mul", x, number(beta))), number(alpha)))

    return apply


def unknown_activations(node: onnx.NodeProto) -> list[str]:
    """Return the activations of a recurrent node that have no operator."""
    names = attributes_of(node).get("activations") or []
    return [name for name in names if name.lower() not in {*_PLAIN, *_WITH_ALPHA, *_WITH_BOTH}]


def _recurrent(build: NodeBuilder, x: str, h: str | None, weight: str) -> str:
    return x if h is None else str(build.add("Add", x, build.add("MatMul", h, weight)))


def _rnn(layer: Layer, build: NodeBuilder, direction: int, directions: int) -> Callable[[str, State], State]:
    """h = f(p + h R^T)."""
    (f,) = _activations(layer, build, direction, directions)
    r = build.constant(layer.weights[2][direction].T.copy(), "R")
    return lambda now, state: (f(_recurrent(build, now, state[0], r)),)


def _gru(layer: Layer, build: NodeBuilder, direction: int, directions: int) -> Callable[[str, State], State]:
    """z, r = f(p + h R^T); n = g(p + r (h R^T + b)), or g(p + (r h) R^T + b); h = (1 - z) n + z h."""
    f, g = _activations(layer, build, direction, directions)
    r, b = layer.weights[2][direction], layer.weight(3, direction)
    size = r.shape[1]
    first, second = build.constant(r[: 2 * size].T.copy(), "R"), build.constant(r[2 * size :].T.copy(), "R")
    own = np.zeros(3 * size, r.dtype) if b is None else b[3 * size :]
    own_first, own_second = build.constant(own[: 2 * size], "b"), build.constant(own[2 * size :], "b")
    cut = build.constant(np.array([2 * size, size], np.int64), "split")
    halves = build.constant(np.array([size, size], np.int64), "split")
    one = build.constant(np.ones((), r.dtype), "one")

    def step(now: str, state: State) -> State:
        (h,) = state
        gates, new = build.add("Split", now, cut, outputs=2, axis=1)
        z, reset = build.add(
            "Split", _recurrent(build, build.add("Add", gates, own_first), h, first), halves, outputs=2, axis=1
        )
        z, reset = f(z), f(reset)
        if h is None:
            inner = build.add("Mul", reset, own_second) if layer.attributes.get("linear_before_reset") else own_second
        elif layer.attributes.get("linear_before_reset"):
            inner = build.add("Mul", reset, build.add("Add", build.add("MatMul", h, second), own_second))
        else:
            inner = build.add("Add", build.add("MatMul", build.add("Mul", reset, h), second), own_second)
        kept = build.add("Mul", build.add("Sub", one, z), g(build.add("Add", new, inner)))
        return (kept if h is None else build.add("Add", kept, build.add("Mul", z, h)),)

    return step


def _lstm(layer: Layer, build: NodeBuilder, direction: int, directions: int) -> Callable[[str, State], State]:
    """i, o, f = sigmoid(p + h R^T); c = f c + i tanh(p + h R^T); h = o tanh(c)."""
    f, g, last = _activations(layer, build, direction, directions)
    r = layer.weights[2][direction]
    size = r.shape[1]
    weight, cut = build.constant(r.T.copy(), "R"), build.constant(np.array([size] * 4, np.int64), "split")
    peephole = layer.weight(7, direction)
    views = [] if peephole is None else [build.constant(p, "P") for p in np.split(peephole, 3)]
    one = build.constant(np.ones((), r.dtype), "one")

    def seen(gate: str, place: int, c: str | None) -> str:
        return str(build.add("Add", gate, build.add("Mul", c, views[place]))) if views and c else gate

    def step(now: str, state: State) -> State:
        h, c = state
        i, o, forget, new = build.add("Split", _recurrent(build, now, h, weight), cut, outputs=4, axis=1)
        i = f(seen(i, 0, c))
        c_new = build.add("Mul", i, g(new))
        if c is not None:
            keep = build.add("Sub", one, i) if layer.attributes.get("input_forget") else f(seen(forget, 2, c))
            c_new = build.add("Add", build.add("Mul", keep, c), c_new)
        return build.add("Mul", f(seen(o, 1, c_new)), last(c_new)), c_new

    return step


STEPS = {"RNN": _rnn, "GRU": _gru, "LSTM": _lstm}
