"""Weights as 8-bit integers, with the scales that the file had or those of their magnitudes."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from onnx2snn.passes.folding.quantise_weights import channel_scales, quantise_weights
from onnx2snn_runtime.model import SpikingModel
from tests.runtime.networks import proto

TEXT = """net (float[N, 2, 4, 4] x) => (float[N, 3] y)
<float[4, 2, 3, 3] w, float[4] b, float[4, 3] u, float[3] d>
{ a = Conv(x, w, b)  h = onnx2snn.SpikingRelu(a)  p = GlobalAveragePool(h)  f = Flatten(p)  m = MatMul(f, u)
  y = Add(m, d) }"""


def initializers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_weights_become_integers_and_nothing_else_does() -> None:
    model = proto(TEXT)
    before = initializers(model)
    assert quantise_weights(model) == (2, [])
    after = initializers(model)
    assert set(after) == {"w.int8", "w.int8_scale", "b", "u.int8", "u.int8_scale", "d"}
    assert (after["w.int8"].dtype, after["w.int8_scale"].shape, after["u.int8_scale"].shape) == (
        np.int8,
        (4, 1, 1, 1),
        (1, 3),
    )
    back = after["w.int8"] * after["w.int8_scale"]
    assert np.abs(back - before["w"]).max() <= after["w.int8_scale"].max() * 0.51
    assert np.abs(after["u.int8"]).max(0).tolist() == [127, 127, 127]
    assert np.array_equal(before["b"], after["b"])
    assert quantise_weights(model) == (0, [])


def test_a_network_of_integers_runs_and_is_near() -> None:
    model = proto(TEXT)
    plain = SpikingModel(model)
    other = onnx.ModelProto()
    other.CopyFrom(model)
    quantise_weights(other)
    snn = SpikingModel(other)
    onnx.checker.check_model(other)
    x = np.random.default_rng(1).normal(size=(5, 2, 4, 4)).astype(np.float32)
    a, b = plain(x, timesteps=8), snn(x, timesteps=8)
    assert 0 < np.abs(a - b).max() < 0.1


@pytest.mark.parametrize("gain", [1.0, 0.37])
def test_scales_of_the_file_are_found_again(gain: float) -> None:
    """A network that was quantised keeps its integers, whatever was folded into it channel by channel."""
    draw = np.random.default_rng(0)
    integers = draw.integers(-90, 91, (6, 5, 3, 3))
    integers[0, 0, 0, 0] = -128
    scales = draw.uniform(0.01, 0.1, 6).astype(np.float32)
    weights = (integers * scales.reshape(6, 1, 1, 1)).astype(np.float32) * np.float32(gain)
    found = channel_scales(weights, 0)
    again = np.rint(weights / found.reshape(6, 1, 1, 1))
    assert np.array_equal(again, integers)
    assert np.allclose(found, scales * gain, rtol=1e-4)


def test_scales_of_other_weights_are_those_of_their_magnitudes() -> None:
    weights = np.random.default_rng(1).normal(size=(40, 7)).astype(np.float32)
    weights[:, 3] = 0
    assert np.allclose(channel_scales(weights, 1)[[0, 1, 2, 4]], np.abs(weights).max(0)[[0, 1, 2, 4]] / 127)
    assert channel_scales(weights, 1)[3] > 0


@pytest.mark.parametrize(
    ("node", "shape", "axis"),
    [
        ("y = Gemm(x, w)", (4, 3), 1),
        ("y = Gemm<transB = 1>(x, w)", (3, 4), 0),
        ("y = MatMul(x, w)", (4, 3), 1),
        ("y = MatMul(w, x)", (3, 4), 0),
        ("y = ConvTranspose(x, w)", (4, 3, 2, 2), 1),
        ("y = Conv<group = 2>(x, w)", (4, 3, 2, 2), 0),
    ],
)
def test_scales_are_those_of_output_channels(node: str, shape: tuple[int, ...], axis: int) -> None:
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> g (float[N] x) => (float[N] y) {{ {node} }}')
    weights = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    assert quantise_weights(model)[0] == 1
    assert initializers(model)["w.int8_scale"].shape == tuple(n if i == axis else 1 for i, n in enumerate(shape))


def test_weights_that_are_read_along_two_axes_stay() -> None:
    model = proto("""net (float[N, 4] x) => (float[N, 4] y) <float[4, 4] w>
    { a = MatMul(x, w)  h = onnx2snn.SpikingRelu(a)  m = MatMul(h, w)  c = Gemm<transB = 1>(m, w)  y = Neg(c) }""")
    sites, left = quantise_weights(model)
    assert (sites, len(left)) == (0, 1)
    assert "w" in initializers(model)
