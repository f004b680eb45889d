"""Makes the weights of a network 8-bit integers that fit calibration data, and corrects biases for what is lost."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from onnx2snn.fitting.rounding import mean_error, rounded
from onnx2snn.fitting.weight_inputs import inputs_of_weights
from onnx2snn.passes.folding.quantise_weights import nearest, quantise_weights
from onnx2snn_runtime.ir.batch import BatchAxes


def fit_integers(model: onnx.ModelProto, samples: Mapping[str, np.ndarray], axes: BatchAxes) -> tuple[int, list[str]]:
    """Rewrite the weights of the IR `model` as integers that are rounded for `samples`: see `quantise_weights`."""
    seen = inputs_of_weights(model, samples, axes)
    lacking: dict[str, np.ndarray] = {}

    def rounding(name: str, rows: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inputs = seen.get(name)
        if inputs is None:
            return nearest(name, rows, scale)
        groups = inputs.sums.shape[0]
        weights, steps = (value.reshape(groups, len(rows) // groups, -1) for value in (rows, scale))
        made, steps = rounded(weights, steps, inputs)
        lacking[name] = mean_error(weights, made, steps, inputs).reshape(-1)
        return made.reshape(rows.shape), steps.reshape(scale.shape)

    done = quantise_weights(model, rounding)
    _correct(model, lacking)
    return done


def _correct(model: onnx.ModelProto, lacking: Mapping[str, np.ndarray]) -> None:
    """Add what outputs lack in the mean to the biases of convolutions and Gemm nodes, [channels] each."""
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm") or node.input[1] not in lacking:
            continue
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        extra = lacking[node.input[1]] * given.get("alpha", 1.0)
        bias = node.input[2] if len(node.input) > 2 else ""
        if bias and (bias not in held or not given.get("beta", 1.0)):
            continue
        before = numpy_helper.to_array(held[bias]) if bias else np.zeros(len(extra), np.float32)
        value = before + (extra / given.get("beta", 1.0)).astype(before.dtype)
        name = f"{node.output[0]}/corrected_bias"
        model.graph.initializer.append(numpy_helper.from_array(value, name))
        node.input[2:] = [name]
    read = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    unread = [tensor for tensor in model.graph.initializer if tensor.name not in read]
    for tensor in unread:
        model.graph.initializer.remove(tensor)
