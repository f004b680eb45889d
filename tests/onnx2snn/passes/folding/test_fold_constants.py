"""What depends on constants and known shapes alone is computed once."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from onnx2snn.passes.folding.fold_constants import fold_constants
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.passes.rewriting import apply, lines, model, same_results

SHAPES = """net (float[N, 2, 3] x) => (float[N, 6] y, float[2, 3] z) <float[2, 3] k>
{ c = Constant<value = float {1.5}>()  d = Add(c, c)  e = Mul(k, d)  s = Shape(e)  one = Constant<value_ints = [0]>()
  g = Gather(s, one)  f = Constant<value_ints = [-1]>()  n = Constant<value_ints = [6]>()  t = Concat<axis = 0>(f, n)
  r = Reshape(x, t)  y = Relu(r)  z = Expand(e, s) }"""


def test_before_and_after() -> None:
    before = model(SHAPES)
    work, sites = apply(before, fold_constants, fold_constants)
    assert sites[0] > 5
    assert sites[1] == 0
    assert lines(work.model) == ["r = Reshape(x, [-1, 6])", "y = Relu(r)"]
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in work.model.graph.initializer}
    assert sorted(held) == ["t", "z"]
    k = numpy_helper.to_array(before.graph.initializer[0])
    np.testing.assert_array_equal(held["z"], k * np.float32(3))
    same_results(before, work.model)


def test_types_of_constants_are_kept() -> None:
    before = model(
        """net (float[N, 2] x) => (float[N, 2] y)
        { a = Constant<value_float = 0.1>()  b = Constant<value_floats = [0.1, 0.2]>()  c = Mul(a, b)
          s = Shape<start = 1>(x)  f = Cast<to = 1>(s)  h = Mul(f, a)  u = Add(x, c)  y = Mul(u, h) }"""
    )
    work, _ = apply(before, fold_constants)
    assert {t.data_type for t in work.model.graph.initializer} == {onnx.TensorProto.FLOAT}
    assert [node.op_type for node in work.model.graph.node] == ["Add", "Mul"]
    same_results(before, work.model)


def test_unknown_shapes_stay() -> None:
    before = model("net (float[N, 2] x) => (int64[2] y, int64[1] z) { y = Shape(x)  z = Shape<start = 1>(x) }")
    work, sites = apply(before, fold_constants, fold_constants)
    assert lines(work.model) == ["y = Shape(x)"]
    assert sites[1] == 0
    same_results(before, work.model)


def test_negative_bounds_of_shapes() -> None:
    before = model(
        "net (float[2, 3, 4] x) => (int64[1] y, int64[2] z) { y = Shape<start = -1>(x)  z = Shape<end = -1>(x) }"
    )
    work, _ = apply(before, fold_constants)
    assert {t.name: numpy_helper.to_array(t).tolist() for t in work.model.graph.initializer} == {"y": [4], "z": [2, 3]}
    same_results(before, work.model)


def test_random_numbers_are_not_folded() -> None:
    text = "net (float[2] x) => (float[2] y) { r = RandomNormal<shape = [2]>()  y = Add(x, r) }"
    work, sites = apply(model(text), fold_constants)
    assert sites == [0]
    assert len(work.model.graph.node) == 2


def test_wrong_value_info_is_inferred_anew() -> None:
    before = model("net (float[N, 2] x) => (float[N, 3] y) <float[2, 3] w> { h = MatMul(x, w)  y = Relu(h) }")
    before.graph.value_info.append(onnx.helper.make_tensor_value_info("h", 1, ["N", 77]))
    work, _ = apply(before, fold_constants)
    (info,) = [v for v in work.model.graph.value_info if v.name == "h"]
    assert info.type.tensor_type.shape.dim[1].dim_value == 3


def test_models_that_contradict_themselves() -> None:
    made = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]> net (float[N, 2] x) => (float[N, 3] y)
        <float[6] w = {1, 2, 3, 4, 5, 6}, int64[1] five = {5}> { r = Reshape(w, five)  y = Add(x, r) }"""
    )
    with pytest.raises(ModelError, match=r"the constants of net\.onnx cannot be computed: .*; check the model"):
        apply(made, fold_constants)


def test_constants_that_a_branch_alone_reads_are_kept() -> None:
    text = """net (float[N, 4] x, bool which) => (float[N, 4] y)
    { half = Constant<value = float {0.5}>()
      y = If(which) <then_branch = then () => (float[N, 4] a) { a = Mul(x, half) },
                     else_branch = other () => (float[N, 4] b) { b = Relu(x) }> }"""
    work, _ = apply(model(text), fold_constants)
    assert [tensor.name for tensor in work.model.graph.initializer] == ["half"]
    onnx.checker.check_model(work.model, full_check=True)
