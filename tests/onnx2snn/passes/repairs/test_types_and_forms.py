"""Weights and results in forms that are written anew: sparse weights, float64 without kernels, dictionaries."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from onnx2snn.pipeline import prepare
from tests.onnx2snn.front_end import X, converts, floats, network

MLP = "a = Gemm(x, w, b) h = Relu(a) y = Gemm(h, u, c)"


@pytest.mark.parametrize("axis_by_axis", [False, True])
@pytest.mark.parametrize("constant", [False, True])
def test_sparse_weights(axis_by_axis: bool, constant: bool) -> None:
    model = network(MLP)
    dense = next(tensor for tensor in model.graph.initializer if tensor.name == "w")
    model.graph.initializer.remove(dense)
    array = numpy_helper.to_array(dense).copy()
    array[np.abs(array) < 0.5] = 0
    places = np.argwhere(array) if axis_by_axis else np.flatnonzero(array)
    values = numpy_helper.from_array(array[array != 0], "w")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(places.astype(np.int64), "places"), [4, 8])
    if constant:
        model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], sparse_value=sparse))
    else:
        model.graph.sparse_initializer.append(sparse)
    repaired = prepare(model).model
    held = {tensor.name: tensor for tensor in repaired.graph.initializer}
    held |= {node.output[0]: node.attribute[0].t for node in repaired.graph.node if node.op_type == "Constant"}
    np.testing.assert_array_equal(numpy_helper.to_array(held["w"]), array)
    if not (constant and axis_by_axis):  # onnxruntime itself takes no such constant
        converts(model)


def double(body: str, x: str = "double[N, 4] x") -> onnx.ModelProto:
    weights = {"k": floats(4, 8), "q": floats(8, 3), "f": floats(2, 1, 3, 3)}
    return network(body, x, "double[N, 3] y", **{name: value.astype(np.float64) for name, value in weights.items()})


def test_float64_stays_where_there_are_kernels() -> None:
    work = prepare(double("a = MatMul(x, k) h = Relu(a) y = MatMul(h, q)"))
    assert work.model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
    assert not work.warnings


def test_float64_becomes_float32_where_there_are_none() -> None:
    model = double("a = Conv(x, f) h = Elu(a) r = Flatten(h) y = MatMul(r, q)", "double[N, 1, 4, 4] x")
    work = prepare(model)
    assert {t.data_type for t in work.model.graph.initializer} == {onnx.TensorProto.FLOAT}
    assert work.warnings == [
        "the model computes in float64, for which onnxruntime lacks kernels: it was converted as float32"
    ]
    converts(work.model, floats(32, 1, 4, 4))


def test_dictionaries_are_the_tensors_that_they_were_made_of() -> None:
    body = f"""{MLP} p = Softmax(y) m = ai.onnx.ml.ZipMap<classlabels_int64s = [0, 1, 2]>(p)
               l = ArgMax<axis = 1, keepdims = 0>(p)"""
    model = network(body, y="int64[N] l, seq(map(int64, float)) m", opset='"" : 17, "ai.onnx.ml" : 3')
    snn = converts(prepare(model).model, neurons={"SpikingRelu": 1})
    assert [value.name for value in snn.proto.graph.output] == ["l", "m"]
    assert snn(X)["m"].shape == (32, 3)


def test_dictionaries_that_were_left_out_are_told_of() -> None:
    body = f"{MLP} m = ai.onnx.ml.ZipMap<classlabels_int64s = [0, 1, 2]>(y)"
    work = prepare(network(body, y="seq(map(int64, float)) m", opset='"" : 17, "ai.onnx.ml" : 3'))
    assert work.warnings == ["ZipMap was left out: 'm' holds the tensor that its dictionaries were made of"]
