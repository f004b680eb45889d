"""What onnxruntime's optimizer writes is written out in operators of ONNX: the same results, all types known."""

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper
from torch import nn

import onnx2snn
from onnx2snn_runtime.errors import UnsupportedError
from tests.onnx2snn.front_end import converts, floats, network
from tests.onnx2snn.passes.repairs.written_out import same

OPSETS = [12, 14, 17, 21]
WIDTH = 16
TOKENS = floats(3, 5, WIDTH)
GIVEN = {
    "x": TOKENS,
    "z": TOKENS[::-1] + np.float32(0.5),
    "v": 2 * TOKENS,
    "k": (np.arange(5) < np.array([[1], [3], [5]])).astype(np.int32),
    "n": np.array([1, 3, 5], np.int32),
    "tri": np.tril(np.ones((3, 5, 5), np.int32)),
    "ab": floats(3, 4, 5, 5, seed=9),
    "old": floats(2, 3, 4, 7, 4, seed=3),
    "pk": floats(3, 4, 7, 4, seed=4),
    "pv": floats(3, 4, 7, 4, seed=5),
    "all": np.ones((3, 12), np.int32),
    "p": np.tile(np.arange(5), (3, 1)) + 2,
    "p0": np.array([3]),
    "h": floats(3, 4, 5, 4, seed=6),
}
TABLES = {
    "w": floats(WIDTH, 48) * np.float32(0.3),
    "b": floats(48, seed=1),
    "g": floats(WIDTH),
    "o": floats(WIDTH, seed=2),
}
ANGLES = np.outer(np.arange(20), [1, 0.5]).astype(np.float32)


def fused(body: str, opset: int, outputs: str = "y") -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Return the model of `body`, whose first axes are free, and inputs for it."""
    model = network(
        body, "float[N, S, 16] x", "float y", opset=f'"" : {opset}, "com.microsoft" : 1', **TABLES,
        cos=np.cos(ANGLES), sin=np.sin(ANGLES),
    )  # fmt: skip
    read = {name for node in model.graph.node for name in node.input}
    del model.graph.input[:], model.graph.output[:]
    used = {name: value for name, value in GIVEN.items() if name in read}
    for name, value in used.items():
        shape = ["N" if n == 3 else f"{name}{axis}" if n in (5, 7, 12) else n for axis, n in enumerate(value.shape)]
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        model.graph.input.append(helper.make_tensor_value_info(name, kind, shape))
    for name in outputs.split():
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return model, used


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize(
    "body",
    [
        "y = com.microsoft.Gelu(x)",
        "y = com.microsoft.BiasGelu(x, o)",
        "y = com.microsoft.FastGelu(x)",
        "y = com.microsoft.FastGelu(x, o)",
        "y = com.microsoft.QuickGelu<alpha = 1.5>(x)",
        "y = LayerNormalization<axis = 2>(x, g, o)",
        "y = SimplifiedLayerNormalization<axis = -1, epsilon = 0.01>(x, g)",
        "y = com.microsoft.FusedMatMul<transB = 1, alpha = 0.3>(x, z)",
        "t = Transpose<perm = [0, 2, 1]>(x) y = com.microsoft.FusedMatMul<transA = 1>(t, w)",
        """a = com.microsoft.FusedMatMul<transB = 1>(x, z) d = com.microsoft.FusedMatMul<transA = 1>(a, x)
           y = com.microsoft.FusedMatMul<transB = 1>(d, z)""",
        "y = com.microsoft.FusedMatMul<transBatchA = 1, transBatchB = 1, transB = 1>(h, h)",
    ],
)
def test_activations_normalizations_and_products(body: str, opset: int) -> None:
    same(*fused(body, opset))


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("y, m, d, s = com.microsoft.SkipLayerNormalization(x, z, g, o, o)", "y s"),
        ("y, m, d = com.microsoft.SkipLayerNormalization(x, z, g, o)", "y"),
        ("y, m, d, s = com.microsoft.SkipSimplifiedLayerNormalization(x, z, g, o)", "y s"),
    ],
)
def test_sums_before_normalizations_are_outputs_too(body: str, outputs: str, opset: int) -> None:
    same(*fused(body, opset, outputs))


@pytest.mark.parametrize("opset", [12, 17])
@pytest.mark.parametrize(
    ("call", "outputs"),
    [
        ("Attention<num_heads = 4>(x, w, b)", "y"),
        ("Attention<num_heads = 4, unidirectional = 1>(x, w, b, k)", "y"),
        ("Attention<num_heads = 2, scale = 0.7, mask_filter_value = -100.0>(x, w, b, n)", "y"),
        ("Attention<num_heads = 4, qkv_hidden_sizes = [8, 8, 32]>(x, w, b)", "y"),
        ("Attention<num_heads = 4>(x, w, b, tri, , ab)", "y"),
        ("Attention<num_heads = 4, unidirectional = 1>(x, w, b, all, old)", "y now"),
        ("MultiHeadAttention<num_heads = 4>(x, z, v, b, k)", "y"),
        ("MultiHeadAttention<num_heads = 4, unidirectional = 1>(x, z, x)", "y"),
        ("MultiHeadAttention<num_heads = 4>(x, z, v, , , ab)", "y"),
        ("MultiHeadAttention<num_heads = 4>(x, pk, pv, b)", "y"),
        ("MultiHeadAttention<num_heads = 4>(x, z, v, b, , , pk, pv)", "y keys values"),
        ("RotaryEmbedding(h, p, cos, sin)", "y"),
        ("RotaryEmbedding<interleaved = 1>(x, p0, cos, sin)", "y"),
        ("RotaryEmbedding<num_heads = 2, rotary_embedding_dim = 4>(x, p, cos, sin)", "y"),
    ],
)
def test_attention(call: str, outputs: str, opset: int) -> None:
    same(*fused(f"{outputs.replace(' ', ', ')} = com.microsoft.{call}", opset, outputs))


def test_operators_that_onnx_has_since() -> None:
    repaired = same(*fused("y = com.microsoft.Trilu(x)", 17))
    assert [(node.domain, node.op_type) for node in repaired.graph.node] == [("", "Trilu")]


def test_a_transformer_of_half_precision() -> None:
    body = "s = com.microsoft.SkipLayerNormalization(x, x, g, o) y = com.microsoft.FastGelu(s)"
    model = network(
        body, "float16[N, 5, 16] x", "float16[N, 5, 16] y", opset='"" : 17, "com.microsoft" : 1',
        g=TABLES["g"].astype(np.float16), o=TABLES["o"].astype(np.float16),
    )  # fmt: skip
    same(model, {"x": TOKENS.astype(np.float16)}, 5e-3)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(6, 16), nn.Linear(16, 5)
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, 0.0, activation="gelu", batch_first=True, norm_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.leave(self.layer(self.enter(x)).mean(1))


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.second, self.last = nn.Conv2d(16, 16, 3, padding=1), nn.Linear(16 * 16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm(self.first(x)))
        y = torch.relu(self.second(y) + y)
        return self.last(nn.functional.leaky_relu(nn.functional.max_pool2d(y, 2), 0.2).flatten(1))


def optimised(net: nn.Module, shape: tuple[int, ...], level: str, path: Path) -> onnx.ModelProto:
    """Return the exported network as onnxruntime optimises and saves it."""
    torch.manual_seed(0)
    exported, ports = io.BytesIO(), {"x": {0: "batch"}, "y": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch on its own exporter
        torch.onnx.export(
            net.eval(), (torch.zeros(2, *shape),), exported, input_names=["x"], output_names=["y"],
            dynamic_axes=ports, opset_version=17, dynamo=False,
        )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, f"ORT_ENABLE_{level}")
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(exported.getvalue(), options, providers=["CPUExecutionProvider"])
    return onnx.load(path)


@pytest.mark.parametrize("level", ["BASIC", "EXTENDED"])
@pytest.mark.parametrize(("net", "shape"), [(Block, (7, 6)), (Convolutions, (3, 8, 8))])
def test_files_that_onnxruntime_optimised(
    net: type[nn.Module], shape: tuple[int, ...], level: str, tmp_path: Path
) -> None:
    model = optimised(net(), shape, level, tmp_path / "optimised.onnx")
    assert any(node.domain for node in model.graph.node) == (level == "EXTENDED")
    converts(model, floats(40, *shape))


def test_layouts_of_one_machine_are_refused_with_advice(tmp_path: Path) -> None:
    model = optimised(Convolutions(), (3, 8, 8), "ALL", tmp_path / "optimised.onnx")
    model.graph.node[0].domain = "com.microsoft.nchwc"  # machines differ in what they lay out
    with pytest.raises(
        UnsupportedError, match=r"com\.microsoft\.nchwc\..*save it below the level 'all', at 'extended'"
    ):
        onnx2snn.convert(model, floats(8, 3, 8, 8))
