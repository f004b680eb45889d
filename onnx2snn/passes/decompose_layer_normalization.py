"""LayerNormalization as the paper's two neurons: a square, and a product with an inverse square root.

    y = LayerNormalization(x, scale, bias, axis)
      ->  c = x - mean(x); q = c * c; var = mean(q) + epsilon; n = c / sqrt(var); y = n * scale + bias

Centred first and then squared: E[x^2] - E[x]^2 does not survive quantised estimates.
"""

import numpy as np
import onnx_graphsurgeon as gs

from onnx2snn.passes.base import Work
from onnx2snn.passes.classify_values import classify
from onnx2snn.passes.graph_tools import fresh_name, insert_before, label, remove
from onnx2snn_runtime.errors import UnsupportedError


def decompose_layer_normalization(work: Work) -> int:
    """Rewrite every spiking LayerNormalization."""
    found = classify(work.graph, work.encoder)
    norms = [n for n in work.graph.nodes if n.op == "LayerNormalization" and found.kind(n) == "neuron"]
    for node in norms:
        _decompose(work, node)
    return len(norms)


def _decompose(work: Work, node: gs.Node) -> None:
    graph, x, new = work.graph, node.inputs[0], list[gs.Node]()
    if x.shape is None:
        raise UnsupportedError(f"the {label(node)} has an input of unknown rank: convert with --neurons region")
    axis = node.attrs.get("axis", -1)
    axes = list(range(axis % len(x.shape), len(x.shape)))
    kind = np.dtype(x.dtype or np.float32)

    def add(op: str, inputs: list[gs.Tensor], part: str, **attrs: object) -> gs.Tensor:
        name = fresh_name(graph, f"{node.outputs[0].name}/{part}")
        output = gs.Variable(name, kind)
        new.append(gs.Node(op, name, attrs, inputs, [output]))
        return output

    def mean(value: gs.Tensor, part: str) -> gs.Tensor:
        if work.opset < 18:
            return add("ReduceMean", [value], part, axes=axes, keepdims=1)
        constant = gs.Constant(fresh_name(graph, f"{node.outputs[0].name}/{part}/axes"), np.array(axes, np.int64))
        return add("ReduceMean", [value, constant], part, keepdims=1)

    epsilon = np.array(node.attrs.get("epsilon", 1e-5), kind)
    centred = add("Sub", [x, mean(x, "mean")], "centred")
    square = add("Mul", [centred, centred], "square")
    constant = gs.Constant(fresh_name(graph, f"{node.outputs[0].name}/epsilon"), epsilon)
    variance = add("Add", [mean(square, "variance"), constant], "variance_epsilon")
    value = add("Div", [centred, add("Sqrt", [variance], "deviation")], "normalised")
    value = add("Mul", [value, node.inputs[1]], "scaled")
    if len(node.inputs) > 2 and not node.inputs[2].is_empty():
        value = add("Add", [value, node.inputs[2]], "shifted")
    insert_before(graph, node, new)
    result = node.outputs[0]
    remove(graph, [node])
    value.inputs[0].outputs = [result]
