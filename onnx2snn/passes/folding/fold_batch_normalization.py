"""Folds BatchNormalization into the preceding Conv, ConvTranspose or Gemm.

y = BatchNormalization(Conv(x, W, b), scale, B, mean, var)  ->  y = Conv(x, W k, (b - mean) k + B)
with k = scale / sqrt(var + epsilon), along the output channels; likewise ConvTranspose and Gemm
"""

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.rewriting.graph_tools import fresh_name, identities, label, producer, remove
from onnx2snn_runtime.errors import ModelError


def fold_batch_normalization(work: Work) -> int:
    """Fold every BatchNormalization of constants behind a Conv, ConvTranspose or Gemm of constants."""
    outputs = identities(work.graph.outputs)
    gone = []
    for node in work.graph.nodes:
        if node.op != "BatchNormalization" or node.attrs.get("training_mode", 0):
            continue
        synapse = producer(node.inputs[0])
        if synapse is None or not _is_foldable(synapse) or id(synapse.outputs[0]) in outputs:
            continue
        if len(synapse.outputs[0].outputs) != 1 or not all(isinstance(t, gs.Constant) for t in node.inputs[1:5]):
            continue
        _fold(work.graph, synapse, node)
        result = node.outputs[0]
        node.outputs.clear()
        synapse.outputs[0] = result  # at once: another normalization may follow
        gone.append(node)
    remove(work.graph, gone)
    return len(gone)


def _is_foldable(node: gs.Node) -> bool:
    if node.op not in ("Conv", "ConvTranspose", "Gemm"):
        return False
    plain = node.op != "Gemm" or (node.attrs.get("alpha", 1.0) == 1.0 and node.attrs.get("beta", 1.0) == 1.0)
    return plain and all(isinstance(tensor, gs.Constant) for tensor in node.inputs[1:])


def _fold(graph: gs.Graph, synapse: gs.Node, norm: gs.Node) -> None:
    weight = synapse.inputs[1].values
    scale, shift, mean, variance = (tensor.values.astype(np.float64) for tensor in norm.inputs[1:5])
    channels, sizes = _channels(synapse, weight), [part.size for part in (scale, shift, mean, variance)]
    if sizes != [channels] * 4:
        raise ModelError(
            f"the {label(norm)} has {', '.join(map(str, sizes))} numbers for {channels} channels: the file is damaged; "
            "export it again"
        )
    k = scale / np.sqrt(variance + norm.attrs.get("epsilon", 1e-5))
    bias = synapse.inputs[2].values.astype(np.float64) if len(synapse.inputs) > 2 else np.zeros_like(k)
    folded = {
        "weight": (weight * _along(k, synapse, weight)).astype(weight.dtype),
        "bias": ((np.broadcast_to(bias, k.shape) - mean) * k + shift).astype(weight.dtype),
    }
    names = [synapse.inputs[1].name, synapse.inputs[2].name if len(synapse.inputs) > 2 else synapse.name + ".bias"]
    constants = [
        gs.Constant(fresh_name(graph, f"{name}.folded"), values)
        for name, values in zip(names, folded.values(), strict=True)
    ]
    synapse.inputs = [synapse.inputs[0], *constants]


def _channels(synapse: gs.Node, weight: np.ndarray) -> int:
    """Return the output channels of a Conv, ConvTranspose or Gemm."""
    if synapse.op == "ConvTranspose":
        return int(weight.shape[1] * synapse.attrs.get("group", 1))
    return int(weight.shape[1] if synapse.op == "Gemm" and not synapse.attrs.get("transB", 0) else weight.shape[0])


def _along(k: np.ndarray, synapse: gs.Node, weight: np.ndarray) -> np.ndarray:
    """Return k shaped to multiply the weight along its output channels."""
    if synapse.op == "Conv":
        return k.reshape(-1, *(1,) * (weight.ndim - 1))
    if synapse.op == "Gemm":
        return k.reshape(-1, 1) if synapse.attrs.get("transB", 0) else k
    groups = synapse.attrs.get("group", 1)  # ConvTranspose: W[in, out / group, ...]
    per_group = np.repeat(k.reshape(groups, -1), weight.shape[0] // groups, axis=0)
    return per_group.reshape(*per_group.shape, *(1,) * (weight.ndim - 2))
