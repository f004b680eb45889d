"""Rules for operators of com.microsoft whose weights are integers, and whose activations are not.

y = DynamicQuantizeLSTM(x, Wq, Rq, ...)  ->  y = LSTM(x, W, R, ...)
y = MatMulNBits(x, Wq, scales, zeros)    ->  y = MatMul(x, W)        weights of 2, 4 or 8 bits in blocks
"""

from collections.abc import Callable

import numpy as np
from onnx import helper

from onnx2snn.passes.rewriting.node_writer import Writer


def _lstm(w: Writer) -> None:
    """Write an LSTM whose weights, [directions, inputs, gates], are dequantised and turned."""
    weights = []
    for index, scale in ((1, 8), (2, 10)):
        q, factor, zero = (w.value(w.read(i)) for i in (index, scale, scale + 1))
        if q is None or factor is None or zero is None:
            return  # computed weights: left to be refused
        each = [v.astype(np.float32).reshape(len(q), 1, -1) for v in (zero, factor)]
        weights.append(((q.astype(np.float32) - each[0]) * each[1]).transpose(0, 2, 1).copy())
    names = [w.node.input[0], *(w.constant(weight) for weight in weights), *w.taken(3, 8)]
    w.nodes.append(helper.make_node("LSTM", names, list(w.node.output), w.node.name, **w.attributes()))


def _packed_matmul(w: Writer) -> None:
    """Write a product with weights of few bits in blocks; see `unpacked`."""
    a, values = w.attributes(), [w.value(w.read(i)) for i in (1, 2, 3)]
    if values[0] is None or values[1] is None or w.read(4) or (w.read(3) and values[2] is None):
        return
    weight = unpacked(values[0], values[1], values[2], a["K"], a["N"], a.get("bits", 4), a["block_size"])
    bias = w.taken(5, 6)
    y = w.add("MatMul", [w.node.input[0], w.constant(weight)], "" if bias else w.node.output[0])
    if bias:
        w.add("Add", [y, *bias], w.node.output[0])


def unpacked(
    q: np.ndarray, scales: np.ndarray, zeros: np.ndarray | None, k: int, n: int, bits: int, block: int
) -> np.ndarray:
    """Return the weights [k, n] of MatMulNBits: q [n, blocks, block * bits / 8], the lowest bits first."""
    blocks = -(-k // block)
    values = _fields(q.reshape(n, blocks, -1), bits)[..., :block].astype(np.float32)
    if zeros is None:
        zero = np.full((n, blocks), 2.0 ** (bits - 1), np.float32)
    elif zeros.dtype == np.uint8:
        zero = _fields(zeros.reshape(n, -1), bits)[:, :blocks].astype(np.float32)
    else:
        zero = zeros.reshape(n, blocks).astype(np.float32)
    real = (values - zero[..., None]) * scales.reshape(n, blocks, 1).astype(np.float32)
    return real.reshape(n, -1)[:, :k].T.astype(scales.dtype).copy()


def _fields(packed: np.ndarray, bits: int) -> np.ndarray:
    """Return the numbers of so many bits that the last axis of bytes holds."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((packed[..., None] >> shifts) & np.uint8((1 << bits) - 1)).reshape(*packed.shape[:-1], -1)


RULES: dict[str, Callable[[Writer], None]] = {"DynamicQuantizeLSTM": _lstm, "MatMulNBits": _packed_matmul}
"""By operator; weights that are no constants are left, to be refused."""
