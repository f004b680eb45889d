"""Rules for the activations of com.microsoft, which onnxruntime's optimizer writes at level extended.

y = Gelu(x)          ->  y = x (0.5 + 0.5 Erf(x / sqrt(2)))                      BiasGelu: of x + b
y = FastGelu(x, b)   ->  y = z (0.5 + 0.5 Tanh(0.79788 z + 0.035677 z^3)) with z = x + b
y = QuickGelu(x)     ->  y = x Sigmoid(alpha x)
"""

import math
from collections.abc import Callable

from onnx2snn.passes.rewriting.node_writer import Writer


def _summed(w: Writer) -> str:
    """Return the input with the bias added, where there is one."""
    bias = w.taken(1, 2)
    return w.add("Add", [w.node.input[0], *bias]) if bias else w.node.input[0]


def _gate(w: Writer, x: str, y: str) -> None:
    """Write x (0.5 + 0.5 y)."""
    half = w.number(0.5)
    w.add("Mul", [x, w.add("Add", [w.add("Mul", [y, half]), half])], w.node.output[0])


def _gelu(w: Writer) -> None:
    x = _summed(w)
    _gate(w, x, w.add("Erf", [w.add("Mul", [x, w.number(math.sqrt(0.5))])]))


def _fast_gelu(w: Writer) -> None:
    x = _summed(w)
    root = math.sqrt(2 / math.pi)
    cubic = w.add("Mul", [w.add("Mul", [x, x]), w.number(0.044715 * root)])
    inner = w.add("Mul", [x, w.add("Add", [cubic, w.number(root)])])
    _gate(w, x, w.add("Tanh", [inner]))


def _quick_gelu(w: Writer) -> None:
    x = w.node.input[0]
    inner = w.add("Mul", [x, w.number(w.attributes().get("alpha", 1.702))])
    w.add("Mul", [x, w.add("Sigmoid", [inner])], w.node.output[0])


RULES: dict[str, Callable[[Writer], None]] = {
    "Gelu": _gelu,
    "BiasGelu": _gelu,
    "FastGelu": _fast_gelu,
    "QuickGelu": _quick_gelu,
}
"""By operator."""
