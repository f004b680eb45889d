"""Quantisers are arithmetic on floats, so that any session of onnxruntime computes with the IR what the model means."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

import onnx2snn
from onnx2snn.passes.repairs.write_quantisers import write_quantisers
from onnx2snn.reference.ann import run_ann
from onnx2snn_runtime.errors import ModelError
from tests.onnx2snn.front_end import by_default, floats, network
from tests.onnx2snn.passes.repairs.test_expansions import Reader
from tests.onnx2snn.passes.rewriting import lines, work_on
from tests.onnx2snn.test_exporters import FOLDER, data

SCALES = {
    "s": np.float32(0.05),
    "z": np.uint8(110),
    "t": np.float32([0.1, 0.02, 0.05, 0.5]),
    "o": np.int8([3, -2, 0, 9]),
}
X = 3 * floats(64, 4)


def rewritten(body: str, y: str = "float[N, 4] y", opset: str = '"" : 21', **more: object) -> tuple[list[str], float]:
    """Return the nodes after the pass, and by how much the results differ at most."""
    model = network(body, "float[N, 4] x", y, opset=opset, **{**SCALES, **more})
    work = work_on(model)
    assert write_quantisers(work) > 0
    onnx.checker.check_model(work.model, full_check=True)
    assert write_quantisers(work) == 0
    wanted, got = by_default(model, {"x": X})["y"], by_default(work.model, {"x": X})["y"]
    assert wanted.dtype == got.dtype
    return lines(work.model), float(np.abs(wanted.astype(float) - got.astype(float)).max())


def test_before_and_after() -> None:
    nodes, gap = rewritten("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)")
    assert [node.split("(")[0].split(" = ")[1] for node in nodes if "Constant" not in node] == [
        "Div", "Round", "Add", "Clip", "Cast", "Sub", "Mul",
    ]  # fmt: skip
    assert gap == 0


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.uint16])
def test_types(kind: type) -> None:
    body = "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)"
    assert rewritten(body, z=kind(7))[1] == 0
    assert rewritten("y = QuantizeLinear(x, s, z)", f"{np.dtype(kind)}[N, 4] y", z=kind(7))[1] == 0


def test_one_scale_a_channel_and_no_zero_point() -> None:
    assert rewritten("q = QuantizeLinear<axis = 1>(x, t, o) y = DequantizeLinear<axis = -1>(q, t, o)")[1] < 1e-6
    assert rewritten("q = QuantizeLinear(x, s) y = DequantizeLinear(q, s)")[1] == 0


def test_what_lies_between_sees_integers() -> None:
    body = "q = QuantizeLinear(x, s, z) r = Clip(q, lo, hi) y = DequantizeLinear(r, s, z)"
    assert rewritten(body, lo=np.uint8(90), hi=np.uint8(130))[1] == 0


def test_blocks_and_computed_scales_stay() -> None:
    body = """m = ReduceMax<keepdims = 0>(x) q = QuantizeLinear(x, m, z) y = DequantizeLinear(q, m, z)"""
    work = work_on(network(body, "float[N, 4] x", "float[N, 4] y", opset='"" : 13', **SCALES))
    assert write_quantisers(work) == 0


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
@pytest.mark.parametrize("activations", [QuantType.QUInt8, QuantType.QInt8])
def test_a_default_session_computes_what_the_model_means(form: str, activations: QuantType, tmp_path: Path) -> None:
    file = tmp_path / "quantised.onnx"
    quantize_static(
        FOLDER / "torchscript_conv.onnx", file, Reader(), quant_format=QuantFormat[form], activation_type=activations,
        per_channel=form == "QDQ",
    )  # fmt: skip
    snn = onnx2snn.convert(file, data("torchscript_conv", "calibration"))
    test = data("torchscript_conv", "test")
    meant, plain = run_ann(onnx.load(file), test, 50)["scores"], by_default(snn.proto, test)["scores"]
    assert np.linalg.norm(plain - meant) < 0.03 * np.linalg.norm(meant)  # operators of integers round in their own way
    np.testing.assert_allclose(plain, run_ann(snn.proto, test, 200)["scores"], rtol=1e-5, atol=1e-6)
    assert not [node for node in snn.proto.graph.node if node.op_type == "QuantizeLinear"]


def test_a_zero_point_of_another_size_than_its_scale_is_named() -> None:
    body = "q = QuantizeLinear(x, s, o) y = DequantizeLinear(q, s, o)"
    model = network(body, "float[N, 4] x", "float[N, 4] y", opset='"" : 21', **SCALES)
    with pytest.raises(
        ModelError, match=r"zero point of the QuantizeLinear node '.*' has the shape \[4\] and its scale"
    ):
        write_quantisers(work_on(model))


@pytest.mark.parametrize("scale", [0.0, -0.1, np.nan, np.inf])
def test_a_scale_that_is_none_is_named(scale: float) -> None:
    body = "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)"
    model = network(body, "float[N, 4] x", "float[N, 4] y", opset='"" : 21', **{**SCALES, "s": np.float32(scale)})
    with pytest.raises(ModelError, match=r"QuantizeLinear node '.*' has a scale that is 0, negative or not finite"):
        write_quantisers(work_on(model))
