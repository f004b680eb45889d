"""Folds a Pad with zeros into the convolutions that read it, which pad as they go.

p = Pad(x, [0, 0, 1, 1, 0, 0, 2, 2]); y = Conv(p, W)  ->  y = Conv<pads = [1, 1, 2, 2]>(x, W)
"""

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.graph_tools import identities, remove


def fold_pads(work: Work) -> int:
    """Fold every Pad of constant pads, along spatial axes alone, that nothing but convolutions read."""
    outputs = identities(work.graph.outputs)
    gone = []
    for node in work.graph.nodes:
        if node.op != "Pad" or node.domain not in (None, "", "ai.onnx") or id(node.outputs[0]) in outputs:
            continue
        readers = list(node.outputs[0].outputs)
        around = _around(node)
        if around is None or not readers or not all(_takes(reader, node.outputs[0], around) for reader in readers):
            continue
        for reader in readers:
            own = np.reshape(reader.attrs.get("pads", [0] * around[:, 2:].size), (2, -1))
            reader.attrs["pads"] = [int(n) for n in (own + around[:, 2:]).ravel()]
            reader.attrs.pop("auto_pad", None)
            reader.inputs[0] = node.inputs[0]
        gone.append(node)
    remove(work.graph, gone)
    return len(gone)


def _around(node: gs.Node) -> np.ndarray | None:
    """Return what `node` adds before and after every axis, [2, rank]; None if it does not add constant zeros."""
    values = [value for tensor in node.inputs[1:] if (value := _constant(tensor)) is not None]
    if node.attrs.get("mode", "constant") != "constant" or not values or len(values) < len(node.inputs) - 1:
        return None
    pads, number, axes = (*values, *[np.zeros(0, np.int64)] * 2)[:3]
    beside, rank = np.reshape(pads, (2, -1)), len(node.inputs[0].shape or ())
    if number.any() or (axes.size and not rank):
        return None
    if not axes.size:
        return beside
    around = np.zeros((2, rank), np.int64)
    around[:, axes] = beside
    return around


def _constant(tensor: gs.Tensor) -> np.ndarray | None:
    """Return the value of an input: an empty one for one that is left out, None for one that is not known."""
    if isinstance(tensor, gs.Constant):
        return np.asarray(tensor.values)
    return np.zeros(0, np.int64) if not tensor.name else None


def _takes(reader: gs.Node, padded: gs.Tensor, around: np.ndarray) -> bool:
    """Return whether `reader` is a convolution of `padded` that can do the padding itself."""
    if reader.op != "Conv" or reader.domain not in (None, "", "ai.onnx") or reader.inputs[0] is not padded:
        return False
    pads, rank = reader.attrs.get("pads", [0]), around.shape[1]
    plain = reader.attrs.get("auto_pad", "NOTSET") == "NOTSET" or (
        reader.attrs["auto_pad"] == "VALID" and "pads" not in reader.attrs
    )
    alone = sum(tensor is padded for tensor in reader.inputs) == 1
    return plain and alone and rank > 2 and not around[:, :2].any() and around.min() >= 0 and min(pads) >= 0
