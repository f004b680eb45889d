"""Attributes without entries, and shapes of no sense."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import onnx2snn
from onnx2snn_runtime.errors import ModelError, Onnx2SnnError
from tests.onnx2snn.passes.rewriting import model

NET = """net (float[N, 1, 6, 6] x) => (float[N, 2, 2, 2] y) <float[2, 1, 3, 3] w> {
    h = Conv(x, w)  r = Relu(h)  y = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r) }"""
X = np.random.default_rng(0).standard_normal((6, 1, 6, 6)).astype(np.float32)


def emptied(node: int, name: str) -> onnx.ModelProto:
    net = model(NET)
    kept = [a for a in net.graph.node[node].attribute if a.name != name]
    del net.graph.node[node].attribute[:]
    net.graph.node[node].attribute.extend(kept)
    net.graph.node[node].attribute.add(name=name, type=onnx.AttributeProto.INTS)
    return net


def test_an_empty_list_is_none() -> None:
    plain = onnx2snn.convert(model(NET), X, adapt=False)(X)
    np.testing.assert_array_equal(onnx2snn.convert(emptied(0, "pads"), X, adapt=False)(X), plain)


def test_an_empty_list_that_is_needed_is_named() -> None:
    with pytest.raises(Onnx2SnnError, match="kernel_shape") as caught:
        onnx2snn.convert(emptied(2, "kernel_shape"), X, adapt=False)
    assert "failed (" not in str(caught.value)


def test_a_shape_that_is_a_table_is_left_alone() -> None:
    net = model("net (float[1, 4] x) => (float[1, 4] y) <int64[2] s = {1, 4}> { h = Relu(x)  y = Reshape(h, s) }")
    table = numpy_helper.from_array(np.ones((2, 2), np.int64), "s")
    net.graph.initializer[0].CopyFrom(table)
    with pytest.raises(ModelError) as caught:
        onnx2snn.convert(net, X[:, 0, 0, :4], adapt=False)
    assert "truth value" not in str(caught.value)
    assert helper.printable_node(net.graph.node[1])
