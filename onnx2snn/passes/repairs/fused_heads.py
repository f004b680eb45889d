"""Shared code of the rules for fused attention: heads, masks, and the attention itself, in operators of ONNX.

Heads are [batch, heads, tokens, features].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from onnx2snn.passes.rewriting.node_writer import Writer

_INT64 = onnx.TensorProto.INT64


@dataclass
class Heads:
    """Cuts tokens [batch, tokens, features] into `count` heads."""

    w: Writer
    count: int

    def split(self, x: str) -> str:
        """Return the heads of x [batch, tokens, heads * features]."""
        return self.turned(self.w.add("Reshape", [x, self.w.constant(np.array([0, 0, self.count, -1]))]))

    def turned(self, x: str) -> str:
        """Return x [batch, tokens, heads, features] with its heads in front of its tokens."""
        return self.w.add("Transpose", [x], perm=[0, 2, 1, 3])

    def biased(self, parts: Sequence[str], bias: str, outer: bool) -> tuple[str, str, str]:
        """Return the heads of queries, keys and values, the bias added; `outer`: those of the last two come as heads.

        The bias is as long as queries, keys and values together; queries and keys are of one size.
        """
        w = self.w
        first = [*parts]
        if bias:
            width = self._width(bias)
            ends = [(0, width), (width, 2 * width), (2 * width, 1 << 30)]
            for i in range(1 if outer else 3):
                first[i] = w.add("Add", [first[i], w.cut(bias, *ends[i], 0)])
        q = self.split(first[0])
        k, v = (part if outer else self.split(part) for part in first[1:])
        return q, k, v

    def _width(self, bias: str) -> int:
        w = self.w
        query = w.shapes.get(w.node.input[0], (None,))
        if len(query) == 3 and query[-1] is not None:
            return int(query[-1])
        size = w.shapes.get(bias, (None,))[0]
        return int(size or 0) // 3

    def scale(self, q: str, given: float | None) -> str:
        """Return the factor of the scores: `given`, or 1 / sqrt(features), which the queries q tell."""
        w = self.w
        query = w.shapes.get(w.node.input[0], (None,))
        features = query[-1] // self.count if query[-1] else None
        if given or features:
            return w.number(given or features**-0.5)  # type: ignore[operator]
        size = w.add("Cast", [size_of(w, q, 3)], to=w.kind)
        return w.add("Reciprocal", [w.add("Sqrt", [size])])


def size_of(w: Writer, x: str, axis: int) -> str:
    """Return the size of x along an axis, [1]."""
    return w.add("Gather", [w.add("Shape", [x]), w.constant(np.array([axis]))], axis=0)


def present(w: Writer, k: str, v: str, past: Sequence[str]) -> tuple[str, str]:
    """Return keys and values with those of the past in front of them; what of them is an output gets its name."""
    result = []
    for index, (new, old) in enumerate(zip((k, v), past, strict=True)):
        name = w.made(index + 1)
        if old:
            result.append(w.add("Concat", [old, new], name, axis=2))
        else:
            result.append(w.add("Identity", [new], name) if name else new)
    return result[0], result[1]


def _places(w: Writer, count: str) -> str:
    """Return 0, 1, ..., count - 1, [count]."""
    scalar = w.add("Reshape", [count, w.constant(np.array([], np.int64))])
    return w.add("Range", [w.constant(np.int64(0)), scalar, w.constant(np.int64(1))])


def mask_bias(w: Writer, mask: str, k: str, low: float) -> str:
    """Return what a mask adds to the scores: `low` where it is 0, or behind the lengths that it holds; "" for nothing.

    [batch, keys], [batch, queries, keys] or [batch, 1, queries, keys] of 0 and 1, or the lengths [batch].
    """
    shape = w.shapes.get(mask)
    if shape is None or len(shape) not in (1, 2, 3, 4):
        w.nodes.clear()
        return ""
    if len(shape) == 1:
        lengths = w.add("Cast", [w.add("Reshape", [mask, w.constant(np.array([-1, 1, 1, 1]))])], to=_INT64)
        kept = w.add("Cast", [w.add("Less", [_places(w, size_of(w, k, 2)), lengths])], to=w.kind)
    else:
        kept = w.add("Cast", [mask], to=w.kind)
        if len(shape) < 4:
            middle = [0, 1, 1, -1] if len(shape) == 2 else None
            kept = w.add("Reshape", [kept, w.constant(np.array(middle))]) if middle else w.unsqueezed(kept, 1)
    return w.add("Mul", [w.add("Sub", [w.number(1), kept]), w.number(low)])


def causal(w: Writer, q: str, k: str) -> str:
    """Return what forbids a query to look at later keys; the last query stands at the last key."""
    queries, keys = size_of(w, q, 2), size_of(w, k, 2)
    place = w.add("Add", [_places(w, queries), w.add("Sub", [keys, queries])])
    rows = w.add("Reshape", [place, w.constant(np.array([-1, 1]))])
    late = w.add("Cast", [w.add("Greater", [_places(w, keys), rows])], to=w.kind)
    return w.add("Mul", [late, w.number(float(np.finfo(helper.tensor_dtype_to_np_dtype(w.kind)).min))])


def softmax_of(w: Writer, q: str, k: str, scale: str, biases: Sequence[str]) -> str:
    """Return Softmax(scale q k' + biases)."""
    turned = w.add("Transpose", [k], perm=[0, 1, 3, 2])
    scores = w.add("Mul", [w.add("MatMul", [q, turned]), scale])
    for bias in biases:
        scores = w.add("Add", [scores, bias])
    return w.add("Softmax", [scores], axis=-1)


def joined(w: Writer, weights: str, v: str, output: str) -> None:
    """Write the weighted values, their heads joined, as [batch, tokens, heads * features]."""
    y = w.add("Transpose", [w.add("MatMul", [weights, v])], perm=[0, 2, 1, 3])
    w.add("Reshape", [y, w.constant(np.array([0, 0, -1]))], output)


def rotated(w: Writer, rank: int, half: int, features: int | None) -> None:
    """Write pairs of features turned by the angle of their place; [batch, heads, tokens, features] or joined."""
    given = w.attributes()
    x, places, cos, sin = w.node.input
    each = int(given.get("num_heads", 0)) or int(features or 0) // (2 * half)
    heads = Heads(w, each)
    y = heads.split(x) if rank == 3 else x
    rows = _rows(w, places, y)
    cos, sin = (w.unsqueezed(w.add("Gather", [table, rows]), 1) for table in (cos, sin))
    a, b = _pairs(w, y, half, bool(given.get("interleaved", 0)))
    first = w.add("Sub", [w.add("Mul", [a, cos]), w.add("Mul", [b, sin])])
    second = w.add("Add", [w.add("Mul", [a, sin]), w.add("Mul", [b, cos])])
    if given.get("interleaved", 0):
        both = w.add("Concat", [w.unsqueezed(first, 4), w.unsqueezed(second, 4)], axis=4)
        turned = w.add("Reshape", [both, w.constant(np.array([0, 0, 0, 2 * half]))])
    else:
        turned = w.add("Concat", [first, second], axis=-1)
    rest = w.cut(y, 2 * half, 1 << 30, -1)
    last = w.add("Concat", [turned, rest], "" if rank == 3 else w.node.output[0], axis=-1)
    if rank == 3:
        back = w.add("Transpose", [last], perm=[0, 2, 1, 3])
        w.add("Reshape", [back, w.constant(np.array([0, 0, -1]))], w.node.output[0])


def _rows(w: Writer, places: str, x: str) -> str:
    """Return the rows of the tables for the tokens of the heads x: `places` [batch, tokens], or the first one [1]."""
    shape = w.shapes.get(places)
    if shape is not None and len(shape) == 2:
        return places
    return w.add("Add", [w.unsqueezed(_places(w, size_of(w, x, 2)), 0), places])


def _pairs(w: Writer, x: str, half: int, interleaved: bool) -> tuple[str, str]:
    if not interleaved:
        return w.cut(x, 0, half, -1), w.cut(x, half, 2 * half, -1)
    parts = []
    for start in (0, 1):
        ends = [w.constant(np.array([i])) for i in (start, 2 * half, -1, 2)]
        parts.append(w.add("Slice", [x, *ends]))
    return parts[0], parts[1]
