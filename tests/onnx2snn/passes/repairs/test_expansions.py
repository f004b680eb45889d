"""Operators that stand for several: quantised, fused by onnxruntime, and the machines of ai.onnx.ml."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

import onnx2snn
from onnx2snn.passes.rewriting.node_writer import replace_nodes
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ir.operators import facts
from tests.onnx2snn.front_end import X, converts, floats, network
from tests.onnx2snn.test_exporters import FOLDER, data

ML, MS = '"" : 17, "ai.onnx.ml" : 3', '"" : 17, "com.microsoft" : 1'


class Reader(CalibrationDataReader):
    def __init__(self) -> None:
        self._images: Iterator[np.ndarray] = iter(data("torchscript_conv", "calibration")["image"])

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._images, None)
        return None if image is None else {"image": image[None]}


@pytest.mark.parametrize("kind", ["QDQ", "QOperator", "dynamic"])
def test_a_quantised_network(kind: str, tmp_path: Path) -> None:
    source, file = FOLDER / "torchscript_conv.onnx", tmp_path / "quantised.onnx"
    if kind == "dynamic":
        quantize_dynamic(source, file)
    else:
        quantize_static(source, file, Reader(), quant_format=QuantFormat[kind], per_channel=kind == "QDQ")
    snn = onnx2snn.convert(file, data("torchscript_conv", "calibration"))
    assert any("measured at run time" in warning for warning in snn.conversion.warnings) == (kind == "dynamic")
    test = data("torchscript_conv", "test")
    wanted, got = run_ann(onnx.load(file), test, 50)["scores"], snn(test)
    assert (got.argmax(1) == wanted.argmax(1)).mean() >= 0.99
    assert np.linalg.norm(got - wanted) < 0.01 * np.linalg.norm(wanted)
    bodies = [node.op_type for function in snn.proto.functions for node in function.node]
    assert not [op for op in bodies if facts(op).weighted or op.startswith(("QLinear", "ConvInteger", "MatMulInteger"))]


def test_integer_products_with_zero_points() -> None:
    body = """q = QuantizeLinear(x, s, z) i = MatMulInteger(q, k, z, o) f = Cast<to = 1>(i) m = Mul(f, r)
              h = Relu(m) y = Gemm(h, u)"""
    model = network(
        body, s=np.float32(0.05), z=np.uint8(110), r=np.float32(0.001),
        k=np.random.default_rng(0).integers(0, 255, (4, 8)).astype(np.uint8), o=np.arange(8).astype(np.uint8),
    )  # fmt: skip
    assert "MatMul" in [node.op_type for node in converts(model, neurons={"SpikingRelu": 1}).proto.graph.node]


@pytest.mark.parametrize(
    ("activation", "neuron"),
    [('activation = "Relu"', "Relu"), ('activation = "LeakyRelu", activation_alpha = 0.2', "LeakyRelu")],
)
def test_fused_gemm_and_matmul(activation: str, neuron: str) -> None:
    body = f"h = com.microsoft.FusedGemm<{activation}>(x, w, b) y = com.microsoft.FusedMatMul<alpha = 0.5>(h, u)"
    snn = converts(network(body, opset=MS), neurons={f"Spiking{neuron}": 1})
    assert snn.proto.graph.node[0].op_type == "Gemm"


def test_fused_conv_with_a_sum() -> None:
    body = """r = Conv(x, k)
              h = com.microsoft.FusedConv<activation = "Clip", activation_params = [0.0, 1.0]>(x, k, b, r)
              y = Flatten(h)"""
    model = network(body, "float[N, 1, 4, 4] x", "float[N, 32] y", opset=MS, k=floats(8, 1, 3, 3))
    converts(model, floats(32, 1, 4, 4), neurons={"SpikingClip": 1})


def test_fused_integer_products() -> None:
    body = "h0 = com.microsoft.DynamicQuantizeMatMul(x, k, s, z, b) h = Relu(h0) y = Gemm(h, u)"
    weight = np.random.default_rng(0).integers(0, 255, (4, 8)).astype(np.uint8)
    model = network(body, opset=MS, k=weight, s=np.float32(0.01), z=np.uint8(120))
    snn = onnx2snn.convert(model, X)
    assert snn.conversion.neurons_by_kind == {"SpikingRelu": 1}
    wanted = run_ann(model, {"x": X}, 32)["y"]
    assert np.linalg.norm(snn(X, timesteps=8) - wanted) < 0.03 * np.linalg.norm(wanted)


@pytest.mark.parametrize(("opset", "neuron"), [(11, "LayerNormalization"), (17, "LayerNormalization")])
def test_embeddings_are_looked_up_by_synapses(opset: int, neuron: str) -> None:
    body = "e, k, s = com.microsoft.EmbedLayerNormalization(i, t, p, q, r, g, o, m) y = MatMul(e, u)"
    tables = {"p": floats(9, 8), "q": floats(6, 8, seed=1), "r": floats(2, 8, seed=2), "g": floats(8), "o": floats(8)}
    opsets = f'"" : {opset}, "com.microsoft" : 1'
    ports = "int32[N, 5] i, int32[N, 5] t, int32[N, 5] m", "float[N, 5, 3] y, int32[N] k"
    model = network(body, *ports, opset=opsets, **tables)
    draw = np.random.default_rng(0)
    tokens = {"i": draw.integers(0, 9, (32, 5)).astype(np.int32), "t": draw.integers(0, 2, (32, 5)).astype(np.int32)}
    tokens["m"] = np.int32(np.arange(5) < draw.integers(1, 6, (32, 1)))
    converts(model, tokens, neurons={f"Spiking{neuron}": 1})


def machine(op: str, y: str = "float[N, 1] y", outputs: str = "y", **attributes: Any) -> onnx.ModelProto:
    model = network(f"{outputs} = ai.onnx.ml.{op}(x)", y=y, opset=ML)
    model.graph.node[0].attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
    return model


VECTORS = {"support_vectors": floats(6 * 4, seed=5).tolist(), "kernel_params": [0.3, 0.5, 2.0]}


@pytest.mark.parametrize(
    ("kernel", "neuron"), [("RBF", "SpikingExp"), ("POLY", "SpikingPow"), ("SIGMOID", "SpikingTanh")]
)
def test_support_vector_regression(kernel: str, neuron: str) -> None:
    model = machine(
        "SVMRegressor", coefficients=floats(6).tolist(), rho=[0.4], n_supports=6, kernel_type=kernel, **VECTORS
    )
    converts(model, neurons={neuron: 1})


def classifier(**more: Any) -> onnx.ModelProto:
    given = {
        "coefficients": floats(2 * 6).tolist(), "rho": [0.1, -0.2, 0.3], "vectors_per_class": [2, 2, 2],
        "classlabels_ints": [4, 5, 6], "kernel_type": "RBF", **VECTORS,
    }  # fmt: skip
    return machine("SVMClassifier", "int64[N] l, float[N, 3] y", "l, y", **(given | more))


def test_support_vector_classification() -> None:
    snn = converts(classifier())
    assert snn.conversion.neurons_by_kind["SpikingExp"] == 1


@pytest.mark.parametrize(
    "more", [{"prob_a": [1.0] * 3, "prob_b": [0.0] * 3}, {"classlabels_ints": [], "classlabels_strings": ["a", "b"]}]
)
def test_probabilities_of_pairs_and_names_are_refused(more: dict[str, Any]) -> None:
    model = classifier()
    for attribute in [a for a in model.graph.node[0].attribute if a.name in more]:
        model.graph.node[0].attribute.remove(attribute)
    model.graph.node[0].attribute.extend(helper.make_attribute(k, v) for k, v in more.items() if v)
    with pytest.raises(UnsupportedError, match=r"SVMClassifier.*train it on integer labels, without probabilities"):
        onnx2snn.convert(model, X)


@pytest.mark.parametrize("post", ["NONE", "SOFTMAX", "LOGISTIC"])
def test_a_linear_classifier_behind_neurons(post: str) -> None:
    body = "a = Gemm(x, w, b) h = Relu(a) l, y = ai.onnx.ml.LinearClassifier(h)"
    model = network(body, y="int64[N] l, float[N, 3] y", opset=ML)
    given = {"coefficients": floats(24).tolist(), "intercepts": [0.1, 0.2, 0.3], "classlabels_ints": [7, 8, 9]}
    model.graph.node[2].attribute.extend(
        helper.make_attribute(k, v) for k, v in {**given, "post_transform": post}.items()
    )
    converts(model, neurons={"SpikingRelu": 1})


def test_a_linear_regressor_behind_neurons() -> None:
    model = network("a = Gemm(x, w, b) h = Tanh(a) y = ai.onnx.ml.LinearRegressor(h)", y="float[N, 2] y", opset=ML)
    given = {"coefficients": floats(16).tolist(), "intercepts": [0.1, 0.2], "targets": 2}
    model.graph.node[2].attribute.extend(helper.make_attribute(k, v) for k, v in given.items())
    converts(model, neurons={"SpikingTanh": 1})


def test_features_are_chosen_by_a_synapse() -> None:
    body = "a = Gemm(x, w, b) h = Relu(a) f = ai.onnx.ml.ArrayFeatureExtractor(h, i) y = Gemm(f, v)"
    model = network(body, opset=ML, i=np.int64([[0, 3, 5]]), v=floats(3, 3))
    snn = converts(model, neurons={"SpikingRelu": 1})
    assert "Gather" in [node.op_type for node in snn.proto.graph.node]


def test_a_rule_that_writes_nothing_keeps_its_node() -> None:
    model = network("y = Gemm(x, w, b)")
    before = model.SerializeToString()
    assert replace_nodes(model, {("", "Gemm"): lambda writer: None}, lambda node: True) == 0
    assert model.SerializeToString() == before
