"""Rules for the attention of com.microsoft, which onnxruntime's optimizer writes at level extended.

y = Attention(x, W, b, mask)             ->  q, k, v = heads of x W + b; y = Softmax(scale q k' + bias) v, joined again
y = MultiHeadAttention(q, k, v, b, mask) ->  the same, of projections that are made outside
y = RotaryEmbedding(x, places, cos, sin) ->  y = [a cos - b sin, a sin + b cos] of the halves a, b of x

The bias holds the mask (`mask_filter_value` where a token is to be left out: it is added, as onnxruntime adds it),
what `unidirectional` forbids and the input `attention_bias`. Weights of unknown shape, packed batches, shared buffers
and the output of the scores are left, to be refused. Source: onnxruntime's documentation of its contributed operators.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import onnx

from onnx2snn.passes.repairs.fused_heads import Heads, causal, joined, mask_bias, present, rotated, softmax_of
from onnx2snn.passes.rewriting.node_writer import Writer

_FLOAT = onnx.TensorProto.FLOAT


def _sizes(w: Writer, width: int) -> list[int]:
    """Return how many columns of the projection are the queries', the keys' and the values'."""
    given = w.attributes().get("qkv_hidden_sizes")
    return list(given) if given else [width // 3] * 3


def _attention(w: Writer) -> None:
    shape = w.shapes.get(w.node.input[1])
    if shape is None or shape[-1] is None or _is_special(w, shared=True):
        return
    projected = w.add("MatMul", [w.node.input[0], w.node.input[1]])
    if w.read(2):
        projected = w.add("Add", [projected, w.node.input[2]])
    _attend_projected(w, projected, int(shape[-1]), mask=3, past=4, bias=5)


def _attend_projected(w: Writer, projected: str, width: int, mask: int, past: int, bias: int) -> None:
    """Cut a projection into heads of queries, keys and values, and attend."""
    count = int(w.attributes()["num_heads"])
    sizes = _sizes(w, width)
    ends = np.cumsum([0, *sizes])
    parts = [w.cut(projected, int(a), int(b), -1) for a, b in pairwise(ends)]
    q, k, v = (Heads(w, count).split(part) for part in parts)
    if w.read(past):
        halves = [w.add("Gather", [w.read(past), w.constant(np.array(i))], axis=0) for i in (0, 1)]
        k, v = (w.add("Concat", [old, new], axis=2) for old, new in zip(halves, (k, v), strict=True))
    if w.made(1):
        w.add("Concat", [w.unsqueezed(k, 0), w.unsqueezed(v, 0)], w.made(1), axis=0)
    scale = w.attributes().get("scale") or (sizes[0] // count) ** -0.5
    _finish(w, q, k, v, w.number(scale), w.read(mask), w.read(bias) if bias else "")


def _finish(w: Writer, q: str, k: str, v: str, scale: str, mask: str, extra: str) -> None:
    """Write the attention of heads and join what comes of it."""
    biases = [extra] if extra else []
    given = w.attributes()
    if mask:
        biases.append(mask_bias(w, mask, k, float(given.get("mask_filter_value", -10000.0))))
    if given.get("unidirectional", 0):
        biases.append(causal(w, q, k))
    joined(w, softmax_of(w, q, k, scale, [b for b in biases if b]), v, w.node.output[0])


def _multi_head(w: Writer) -> None:
    count = int(w.attributes()["num_heads"])
    ranks = [len(w.shapes[name]) if name in w.shapes else None for name in map(w.read, range(3)) if name]
    if None in ranks or w.made(3) or w.read(8) or w.read(9):
        return
    if len(ranks) != 3 or ranks[0] != 3:
        return  # packed: nothing but a GPU computes them
    heads = Heads(w, count)
    outer = ranks[1] == 4  # keys and values come as heads already
    q, k, v = heads.biased(list(w.node.input[:3]), w.read(3), outer)
    k, v = present(w, k, v, [w.read(6), w.read(7)])
    scale = w.attributes().get("scale") or None
    _finish(w, q, k, v, heads.scale(q, scale), w.read(4), w.read(5))


def _quantised(w: Writer) -> None:
    """QAttention: as Attention, the projection being one of integers."""
    shape = w.shapes.get(w.node.input[1])
    if shape is None or shape[-1] is None or _is_special(w, shared=True):
        return
    x, weight = w.node.input[:2]
    product = w.add("MatMulInteger", [x, weight, w.read(6), w.read(7)])
    y = w.add("Cast", [product], to=_FLOAT)
    for scale in w.node.input[3:5]:
        y = w.add("Mul", [y, scale])
    _attend_projected(w, w.add("Add", [y, w.node.input[2]]), int(shape[-1]), mask=5, past=8, bias=0)


def _is_special(w: Writer, shared: bool) -> bool:
    given = w.attributes()
    return bool(given.get("do_rotary", 0) or (shared and given.get("past_present_share_buffer", 0)))


def _rotary(w: Writer) -> None:
    given = w.attributes()
    shape, table = (w.shapes.get(w.node.input[i]) for i in (0, 2))
    if shape is None or table is None or table[-1] is None or given.get("is_packed_batching", 0):
        return
    if given.get("scale", 1.0) != 1.0 or (len(shape) == 3 and not (given.get("num_heads") or shape[-1])):
        return
    rotated(w, len(shape), int(table[-1]), shape[-1])


RULES: dict[str, Callable[[Writer], None]] = {
    "Attention": _attention,
    "MultiHeadAttention": _multi_head,
    "QAttention": _quantised,
    "RotaryEmbedding": _rotary,
}
"""By operator."""
