"""The fused operators of com.microsoft against onnxruntime."""

import numpy as np
import pytest
import torch

from onnx2snn_runtime.errors import UnsupportedError
from onnx2snn_runtime.ops.fused import activate
from tests.runtime.ops.oracle import agree, floats

MS = "com.microsoft"
X = floats(2, 3, 4)


@pytest.mark.parametrize(
    ("activation", "parameters"),
    [
        ("Relu", []),
        ("Tanh", []),
        ("Sigmoid", []),
        ("LeakyRelu", [0.2]),
        ("Clip", [-0.5, 0.5]),
        ("HardSigmoid", [0.3, 0.4]),
    ],
)
def test_fused_conv(activation: str, parameters: list[float]) -> None:
    weight, bias = floats(5, 3, 3, 3, seed=1), floats(5, seed=2)
    options = {"activation": activation, "pads": [1, 1, 1, 1]}
    if parameters:
        options["activation_params"] = parameters
    agree("FusedConv", floats(2, 3, 6, 6), weight, bias, domain=MS, **options)
    if activation == "Relu":
        agree("FusedConv", floats(2, 3, 6, 6), weight, bias, floats(2, 5, 6, 6, seed=3), domain=MS, **options)


def test_fused_gemm() -> None:
    agree(
        "FusedGemm",
        floats(2, 3),
        floats(4, 3, seed=1),
        floats(4, seed=2),
        domain=MS,
        transB=1,
        alpha=0.5,
        activation="LeakyRelu",
        activation_alpha=0.3,
    )


@pytest.mark.parametrize(("trans_a", "trans_batch"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_fused_matmul(trans_a: int, trans_batch: int) -> None:
    a = floats(2, 3, 4)  # batch, rows, columns before the transpositions
    a = a.swapaxes(1, 2) if trans_a else a
    a = np.moveaxis(a, 1, 0) if trans_batch else a
    agree(
        "FusedMatMul", a.copy(), floats(2, 4, 5, seed=1), domain=MS, alpha=0.5, transA=trans_a, transBatchA=trans_batch
    )


def test_gelus() -> None:
    agree("Gelu", X, domain=MS)
    agree("BiasGelu", X, floats(4, seed=1), domain=MS)
    agree("FastGelu", X, domain=MS)
    agree("FastGelu", X, floats(4, seed=1), domain=MS)
    agree("QuickGelu", X, domain=MS, alpha=1.3)


def test_skip_layer_normalization() -> None:
    vectors = [floats(4, seed=i) for i in (1, 2, 3)]
    agree("SkipLayerNormalization", X, floats(2, 3, 4, seed=4), *vectors, domain=MS, epsilon=0.01)
    agree("SkipLayerNormalization", X, floats(2, 3, 4, seed=4), vectors[0], domain=MS)
    agree("SkipSimplifiedLayerNormalization", X, floats(2, 3, 4, seed=4), vectors[0], domain=MS, epsilon=0.01)
    agree("SimplifiedLayerNormalization", X, vectors[0], epsilon=0.01)


def test_embed_layer_normalization() -> None:
    rng = np.random.default_rng(0)
    ids, segments = rng.integers(0, 7, (2, 3)).astype(np.int32), rng.integers(0, 2, (2, 3)).astype(np.int32)
    tables = floats(7, 4), floats(3, 4, seed=1), floats(2, 4, seed=2), floats(4, seed=3), floats(4, seed=4)
    mask = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    agree("EmbedLayerNormalization", ids, segments, *tables, mask, domain=MS, outputs=2)


def _quantized(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_quantized_pairs(op: str) -> None:
    numbers = [np.float32(0.02), np.uint8(120)]
    agree(
        op,
        _quantized(4, 5, seed=0),
        *numbers,
        _quantized(4, 5, seed=1),
        *numbers,
        np.float32(0.05),
        np.uint8(90),
        domain=MS,
        atol=1,
    )


def test_quantized_matmul() -> None:
    b, zero = _quantized(4, 5, seed=1), np.uint8(100)
    agree("DynamicQuantizeMatMul", floats(3, 4), b, np.float32(0.02), zero, floats(5, seed=2), domain=MS)
    agree("MatMulIntegerToFloat", _quantized(3, 4, seed=0), b, np.float32(0.1), np.float32(0.02), zero, zero, domain=MS)
    agree("QLinearSigmoid", b, np.float32(0.02), zero, np.float32(1 / 256), np.uint8(0), domain=MS, atol=1)


def test_unknown_activation() -> None:
    with pytest.raises(UnsupportedError, match="activation='Sine'"):
        activate(torch.zeros(1), "Sine", [])


def test_linear_models() -> None:
    ml = {"domain": "ai.onnx.ml", "coefficients": [0.1, -0.2, 0.3, 0.5, 0.4, -0.6], "intercepts": [0.1, -0.1]}
    agree("LinearRegressor", floats(4, 3), targets=2, **ml)
    agree("LinearClassifier", floats(4, 3), outputs=2, classlabels_ints=[3, 5], post_transform="SOFTMAX", **ml)
    for norm in ("MAX", "L1", "L2"):
        agree("Normalizer", abs(floats(4, 3)), domain="ai.onnx.ml", norm=norm)
    agree("Scaler", floats(4, 3), domain="ai.onnx.ml", offset=[1.0, 2.0, 3.0], scale=[0.5, 0.1, 2.0])
    agree("FeatureVectorizer", floats(4, 3), floats(4, 2), domain="ai.onnx.ml", inputdimensions=[3, 2])
