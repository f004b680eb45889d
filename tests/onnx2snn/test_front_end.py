"""Models as exporters write them: opsets, types, where weights lie, batches, inputs and outputs."""

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import onnx2snn
from onnx2snn.passes.base import Work
from onnx2snn.passes.repairs.repair_exports import repair_exports
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.front_end import WEIGHTS, X, converts, floats, network

MLP = "a = Gemm(x, w, b) h = Relu(a) y = Gemm(h, u, c)"


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 12, 13, 18, 21, 23])
def test_opsets(opset: int) -> None:
    snn = converts(network(MLP, opset=f'"" : {opset}'), neurons={"SpikingRelu": 1})
    assert any("brought up to 13" in warning for warning in snn.conversion.warnings) == (opset < 13)


@pytest.mark.parametrize("opset", [7, 9, 10])
def test_attributes_that_became_inputs(opset: int) -> None:
    body = """a = Conv<pads = [1, 1, 1, 1]>(x, k) h = Clip<min = 0.0, max = 6.0>(a)
              p = Pad<mode = "constant", pads = [0, 0, 1, 1, 0, 0, 1, 1]>(h) e = LeakyRelu<alpha = 0.1>(p)
              m = ReduceMean<axes = [2, 3], keepdims = 0>(e) s = Unsqueeze<axes = [1]>(m)
              f = Squeeze<axes = [1]>(s) d = Dropout(f) y = Gemm(d, u, c)"""
    converts(network(body, "float[N, 1, 6, 6] x", opset=f'"" : {opset}', k=floats(8, 1, 3, 3)), floats(32, 1, 6, 6))


def test_upsample_becomes_resize() -> None:
    body = 'a = Conv(x, k) h = Relu(a) y = Upsample<mode = "nearest">(h, s)'
    model = network(
        body, "float[N, 1, 4, 4] x", "float[N, 8, 4, 4] y", opset='"" : 9',
        k=floats(8, 1, 3, 3), s=np.float32([1, 1, 2, 2]),
    )  # fmt: skip
    assert "Resize" in [node.op_type for node in converts(model, floats(32, 1, 4, 4)).proto.graph.node]


def test_weights_that_are_inputs_of_an_old_ir() -> None:
    ports = "float[N, 4] x, float[4, 8] w, float[8] b, float[8, 3] u, float[3] c"
    model = network(MLP, ports, ir=3, opset='"" : 9')
    snn = onnx2snn.convert(model, X)
    assert [value.name for value in snn.proto.graph.input] == ["x"]


def test_weights_from_constant_nodes() -> None:
    model = network(MLP)
    del model.graph.initializer[:]
    for name, value in WEIGHTS.items():
        model.graph.node.insert(0, helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value)))
    converts(model, neurons={"SpikingRelu": 1})


def test_weights_outside_the_file(tmp_path: Path) -> None:
    onnx.save(network(MLP), tmp_path / "net.onnx", save_as_external_data=True, location="net.data", size_threshold=0)
    assert (tmp_path / "net.data").exists()
    snn = onnx2snn.convert(tmp_path / "net.onnx", X)
    np.testing.assert_allclose(snn(X, timesteps=8), converts(network(MLP))(X, timesteps=8))


def test_shared_weights_and_several_inputs_and_outputs() -> None:
    body = "a = Gemm(x, w, b) h = Relu(a) d = Gemm(z, w, b) k = Tanh(d) y = Sub(h, k) s = Add(h, k)"
    model = network(body, "float[N, 4] x, float[N, 4] z", "float[N, 8] y, float[N, 8] s")
    converts(model, {"x": X, "z": floats(32, 4, seed=9)}, neurons={"SpikingRelu": 1, "SpikingTanh": 1})


def test_shared_weights_are_not_folded_twice() -> None:
    norm = {"s": floats(4, seed=1), "t": floats(4, seed=2), "m": floats(4, seed=3), "v": np.abs(floats(4, seed=4)) + 1}
    body = """a = Gemm(x, q) n = BatchNormalization(a, s, t, m, v) h = Relu(n) d = Gemm(h, q)
              o = BatchNormalization(d, s, t, m, v) k = Relu(o) y = Gemm(k, q)"""
    converts(network(body, y="float[N, 4] y", q=floats(4, 4), **norm), neurons={"SpikingRelu": 2})


@pytest.mark.parametrize(("name", "kind"), [("float16", np.float16), ("double", np.float64)])
def test_other_floats(name: str, kind: type) -> None:
    model = network(MLP, f"{name}[N, 4] x", f"{name}[N, 3] y", **{k: v.astype(kind) for k, v in WEIGHTS.items()})
    converts(model, X.astype(kind), neurons={"SpikingRelu": 1})


def test_half_precision_inside() -> None:
    half = {name: value.astype(np.float16) for name, value in WEIGHTS.items()}
    body = "i = Cast<to = 10>(x) a = Gemm(i, w, b) s = Sigmoid(a) h = Mul(a, s) o = Gemm(h, u, c) y = Cast<to = 1>(o)"
    snn = onnx2snn.convert(network(body, **half), X)
    assert snn.conversion.neurons_by_kind == {"SpikingRegion1": 1}


def test_bfloat16_becomes_float() -> None:
    brain = {name: value.astype(ml_dtypes.bfloat16) for name, value in WEIGHTS.items()}
    model = network("a = MatMul(x, w) h = Relu(a) y = MatMul(h, u)", "bfloat16[N, 4] x", "bfloat16[N, 3] y", **brain)
    snn = onnx2snn.convert(model, X)
    assert any("bfloat16" in warning for warning in snn.conversion.warnings)
    wanted = np.maximum(X @ np.float32(brain["w"]), 0) @ np.float32(brain["u"])
    np.testing.assert_allclose(snn(X, timesteps=12), wanted, atol=0.05)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_is_freed(batch: int) -> None:
    body = "a = Conv(x, k) h = Relu(a) f = Reshape(h, s) y = Gemm(f, q)"
    model = network(
        body, f"float[{batch}, 1, 4, 4] x", f"float[{batch}, 3] y",
        k=floats(8, 1, 3, 3), s=np.int64([batch, 32]), q=floats(32, 3),
    )  # fmt: skip
    snn = converts(model, floats(32, 1, 4, 4))
    assert snn.defaults.batch == 0


def test_a_batch_that_cannot_be_freed_is_filled_up() -> None:
    model = network("a = Gemm(x, w, b) h = Relu(a) y = MatMul(t, h)", "float[4, 4] x", "float[4, 8] y", t=floats(4, 4))
    assert converts(model).defaults.batch == 4


def test_one_input_of_a_fixed_batch_beside_a_free_one() -> None:
    model = network("a = Gemm(x, w, b) h = Relu(a) d = Gemm(z, w) y0 = Sub(h, d) y = Gemm(y0, u)",
                    "float[1, 4] x, float[N, 4] z")  # fmt: skip
    snn = onnx2snn.convert(model, {"x": X, "z": X})
    wanted = (np.maximum(X @ WEIGHTS["w"] + WEIGHTS["b"], 0) - X @ WEIGHTS["w"]) @ WEIGHTS["u"]
    np.testing.assert_allclose(snn({"x": X, "z": X}, timesteps=12), wanted, atol=0.05)


def test_erfc_and_wrong_shapes_are_repaired() -> None:
    model = network("a = Gemm(x, w, b) n = Neg(a) e = Erfc(n) h = Mul(a, e) y = Gemm(h, u)")
    model.graph.value_info.append(helper.make_tensor_value_info("a", 1, ["N", 5]))
    snn = onnx2snn.convert(model, X)
    assert "Erf" in [node.op_type for function in snn.proto.functions for node in function.node]


def test_an_output_declared_with_a_wrong_shape_is_repaired() -> None:
    work = Work(network(MLP, y="float[N, 7] y"), "the model", lambda *operator: True)
    assert repair_exports(work) == 1
    assert repair_exports(work) == 0
    assert work.model.graph.output[0].type.tensor_type.shape.dim[1].dim_value == 3


def test_an_output_declared_with_a_fixed_batch_is_freed() -> None:
    snn = converts(network(MLP, y="float[1, 3] y"))
    assert snn.proto.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "N"


@pytest.mark.parametrize("port", ["float[3, N] t", "float[8] t"])
def test_an_output_with_the_batch_elsewhere_or_without_one(port: str) -> None:
    body = MLP + (" t = Transpose(y)" if "N" in port else " t = Identity(b)")
    converts(network(body, y=f"float[N, 3] y, {port}"))


def test_outputs_of_strings_are_left_out() -> None:
    body = MLP + " p = Softmax(y) i = ArgMax<axis = 1, keepdims = 0>(p) l = ai.onnx.ml.ArrayFeatureExtractor(n, i)"
    names = np.array(["cat", "dog", "eel"], object)
    model = network(body, y="float[N, 3] p, string[N] l", opset='"" : 17, "ai.onnx.ml" : 3', n=names)
    snn = converts(model)
    assert [value.name for value in snn.proto.graph.output] == ["p"]
    assert any("outputs of strings were left out ('l')" in warning for warning in snn.conversion.warnings)


def test_a_model_of_strings_alone_is_refused() -> None:
    body = MLP + " i = ArgMax<axis = 1, keepdims = 0>(y) l = ai.onnx.ml.ArrayFeatureExtractor(n, i)"
    names = np.array(["cat", "dog", "eel"], object)
    model = network(body, y="string[N] l", opset='"" : 17, "ai.onnx.ml" : 3', n=names)
    with pytest.raises(UnsupportedError, match="output 'l' is of strings: export the numerical part"):
        onnx2snn.convert(model, X)


def test_sequences_are_refused_with_the_remedy() -> None:
    model = network("a = Gemm(x, w, b) h = Relu(a) y = SplitToSequence<axis = 1>(h)", y="seq(float[N, 1]) y")
    with pytest.raises(UnsupportedError, match="'y' is no tensor: export with tensors as inputs and outputs"):
        onnx2snn.convert(model, X)


def test_tree_ensembles_are_refused_by_name() -> None:
    model = network("y = ai.onnx.ml.TreeEnsembleRegressor(x)", opset='"" : 17, "ai.onnx.ml" : 3')
    with pytest.raises(UnsupportedError, match=r"TreeEnsembleRegressor node .* is a tree ensemble"):
        onnx2snn.convert(model, X)


def test_logic_between_neurons_ends_in_a_neuron_of_numbers() -> None:
    body = "a = Gemm(x, w, b) g = Greater(a, b) f = Cast<to = 1>(g) t = Tanh(a) m = Mul(f, t) y = Gemm(m, u)"
    converts(network(body), neurons={"SpikingRegion1": 1})


def test_an_output_of_all_samples_at_once() -> None:
    model = network("a = Gemm(x, w, b) h = Relu(a) y = ReduceMean<keepdims = 0>(h)", y="float y")
    snn = onnx2snn.convert(model, X)
    assert snn.program.axes.joint
    assert any("the samples act on each other" in warning for warning in snn.conversion.warnings)
    wanted = run_ann(model, {"x": X}, 32)["y"]
    assert snn(X, timesteps=8, batch_size=4).shape == ()
    np.testing.assert_allclose(snn(X, timesteps=8, batch_size=4), wanted, rtol=0.01)


def test_a_branch_chosen_by_the_inputs_is_refused() -> None:
    body = """a = Gemm(x, w, b) h = Relu(a) s = ReduceMax<keepdims = 0>(x) g = Greater(s, zero)
              y = If(g)<then_branch = t () => (float[N, 8] p) { p = Tanh(h) },
                        else_branch = e () => (float[N, 8] q) { q = Sigmoid(h) }>"""
    with pytest.raises(UnsupportedError, match="the condition of the If node 'y' depends on the inputs: export the"):
        onnx2snn.convert(network(body, y="float[N, 8] y", zero=np.float32(0)), X)
