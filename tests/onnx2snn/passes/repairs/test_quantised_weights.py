"""Weights of few bits, in blocks, and of quantised recurrent layers."""

import numpy as np
import pytest

from onnx2snn.pipeline import prepare
from tests.onnx2snn.front_end import by_default, floats, network
from tests.onnx2snn.passes.repairs.written_out import same

MS = '"" : 17, "com.microsoft" : 1'


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("zeros", ["", ", z"])
def test_products_with_blocks_of_few_bits(bits: int, zeros: str) -> None:
    draw = np.random.default_rng(0)
    body = f"y = com.microsoft.MatMulNBits<K = 40, N = 6, bits = {bits}, block_size = 16>(x, q, s{zeros})"
    model = network(
        body, "float[N, 40] x", "float[N, 6] y", opset=MS,
        q=draw.integers(0, 256, (6, 3, 2 * bits)).astype(np.uint8), s=np.float32(draw.uniform(0.01, 0.03, (6, 3))),
        z=draw.integers(0, 256, (6, -(-3 * bits // 8))).astype(np.uint8),
    )  # fmt: skip
    assert [n.op_type for n in same(model, {"x": floats(5, 40)}, 1e-4).graph.node] == ["Constant", "MatMul"]


@pytest.mark.parametrize("by_channel", [False, True])
def test_a_quantised_lstm(by_channel: bool) -> None:
    """onnxruntime quantises its activations as well, coarsely: the weights are compared by an LSTM of floats."""
    draw = np.random.default_rng(0)
    weights, held = {}, {}
    for name, inputs in (("w", 4), ("r", 3)):
        q = draw.integers(-100, 100, (1, inputs, 12)).astype(np.int8)
        shape = (1, 12) if by_channel else (1,)
        scale, zero = np.float32(draw.uniform(0.005, 0.01, shape)), draw.integers(-9, 9, shape).astype(np.int8)
        held |= {f"{name}q": q, f"{name}s": scale, f"{name}z": zero}
        weights[name] = (
            ((q - np.float32(1) * zero.reshape(1, 1, -1)) * scale.reshape(1, 1, -1)).transpose(0, 2, 1).copy()
        )
    ports = "float[5, N, 4] x", "float[5, 1, N, 3] y"
    quantised = network(
        "y = com.microsoft.DynamicQuantizeLSTM<hidden_size = 3>(x, wq, rq, , , , , , ws, wz, rs, rz)",
        *ports,
        opset=MS,
        **held,
    )
    plain = network("y = LSTM<hidden_size = 3>(x, w, r)", *ports, opset=MS, **weights)
    work, x = prepare(quantised), {"x": floats(5, 6, 4)}
    np.testing.assert_allclose(by_default(work.model, x)["y"], by_default(plain, x)["y"], rtol=1e-5, atol=1e-6)
    assert "measured at run time (1 times)" in work.warnings[0]


def test_a_choice_of_quantised_tensors() -> None:
    body = """q = QuantizeLinear(x, s, z) p = QuantizeLinear(v, s, z) less = Less(x, v)
              r = com.microsoft.QLinearWhere(less, q, s, z, p, s, z, t, z) y = DequantizeLinear(r, t, z)"""
    model = network(
        body, "float[N, 4] x, float[N, 4] v", "float[N, 4] y", opset=MS,
        s=np.float32(0.05), z=np.uint8(110), t=np.float32(0.06),
    )  # fmt: skip
    same(model, {"x": floats(9, 4), "v": floats(9, 4, seed=1)}, 0.061)
