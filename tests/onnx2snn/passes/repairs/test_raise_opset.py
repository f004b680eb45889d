"""Old models are brought up, and say so."""

import onnx
import pytest
from onnx import helper

from onnx2snn.passes.repairs.raise_opset import raise_opset
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.passes.rewriting import apply, model, same_results

OLD = """net (float[2, 3] x) => (float[2] y) <float[2, 3] w>
{ s = Unsqueeze<axes = [0]>(x)  q = Squeeze<axes = [0]>(s)  a = Add(q, w)  p = Softmax<axis = 1>(a)
  y = ReduceSum<axes = [1], keepdims = 0>(p) }"""


def test_before_and_after() -> None:
    before = model(OLD, opset=11, ir=4)
    work, sites = apply(before, raise_opset, raise_opset)
    assert sites == [2, 0]
    assert work.opset == 13
    assert work.model.ir_version == 8
    assert work.warnings == ["the model was of opset 11; it was brought up to 13"]
    (unsqueeze,) = [node for node in work.model.graph.node if node.op_type == "Unsqueeze"]
    assert (len(unsqueeze.input), len(unsqueeze.attribute)) == (2, 0)
    same_results(before, work.model, tolerance=1e-6, batch=2)


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_newer_models_stay(opset: int) -> None:
    before = model("net (float[N] x) => (float[N] y) { y = Relu(x) }", opset=opset)
    work, sites = apply(before, raise_opset)
    assert sites == [0]
    assert work.model == before


def test_weights_that_are_inputs_too_are_no_inputs() -> None:
    text = "net (float[2, 3] x, float[3] w) => (float[2, 3] y) <float[3] w = {1, 2, 3}> { y = Add(x, w) }"
    before = model(text, opset=9, ir=3)
    work, _ = apply(before, raise_opset)
    assert [value.name for value in work.model.graph.input] == ["x"]
    same_results(before, work.model, batch=2)


def test_weights_that_are_inputs_stay_out_even_where_the_opset_is_new() -> None:
    before = model("net (float[2, 3] x) => (float[2, 3] y) <float[3] w> { y = Add(x, w) }")
    before.graph.input.append(helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [3]))
    work, sites = apply(before, raise_opset, raise_opset)
    assert [value.name for value in work.model.graph.input] == ["x"]
    assert sites == [1, 0]


def test_what_cannot_be_brought_up_says_so() -> None:
    old = model("net (float[2, 3] x) => (float[2, 3] y) { y = Relu(x) }", opset=9)
    old.graph.node[0].op_type = "Magic"
    with pytest.raises(ModelError, match=r"net\.onnx is of opset 9 and cannot be brought up to 13 \(.*\): export"):
        apply(old, raise_opset)
