"""Integer weights that fit calibration data: every kind of synapse errs less than with the nearest integers."""

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.fitting.integer_weights import fit_integers
from onnx2snn.fitting.weight_inputs import inputs_of_weights
from onnx2snn.passes.folding.quantise_weights import quantise_weights
from onnx2snn.reference.ann import run_ann
from tests.onnx2snn.front_end import floats, network

IMAGES = np.maximum(floats(24, 4, 7, 6, seed=7) + 0.5, 0)
ROWS = np.maximum(floats(64, 12, seed=7) @ floats(12, 12) + 1, 0)
CASES = {
    "a convolution": ("a = Conv<pads = [1, 0, 1, 2], strides = [2, 1]>(x, w, b)", IMAGES, (4, 4, 3, 3)),
    "groups": ("a = Conv<group = 2, dilations = [2, 1]>(x, w, b)", IMAGES, (4, 2, 3, 3)),
    "depthwise, the same size": ("""a = Conv<group = 4, auto_pad = "SAME_UPPER">(x, w)""", IMAGES, (8, 1, 3, 3)),
    "one dimension": ("a = Conv<pads = [1, 1]>(x, w)", np.ascontiguousarray(IMAGES[..., 0]), (5, 4, 3)),
    "Gemm": ("a = Gemm<alpha = 0.5>(x, w, b)", ROWS, (12, 4)),
    "Gemm, transposed": ("a = Gemm<transB = 1>(x, w)", ROWS, (4, 12)),
    "MatMul": ("a = MatMul(x, w)", ROWS, (12, 4)),
}


def made(body: str, x: np.ndarray, size: tuple[int, ...]) -> onnx.ModelProto:
    """Return the IR of a synapse and a neuron."""
    held = {"w": floats(*size, seed=2)} | ({"b": floats(4, seed=3)} if ", b)" in body else {})
    sizes = ", ".join(map(str, x.shape[1:]))
    axes = ", ".join("M" for _ in x.shape[1:])
    model = network(
        f"{body}  y = Tanh(a)", f"float[N, {sizes}] x", f"float[N, {axes}] y".replace("M, M", "M, K"), **held
    )
    return onnx2snn.convert(model, x, adapt=False).proto


@pytest.mark.parametrize("name", CASES)
def test_outputs_err_less_than_with_the_nearest_integers(name: str) -> None:
    body, x, size = CASES[name]
    model = made(body, x, size)
    nearest, fitted = onnx.ModelProto(), onnx.ModelProto()
    nearest.CopyFrom(model)
    fitted.CopyFrom(model)
    quantise_weights(nearest)
    assert fit_integers(fitted, {"x": x}, onnx2snn.SpikingModel(model).program.axes) == (1, [])

    def error(other: onnx.ModelProto) -> float:
        before, after = (run_ann(each, {"x": x}, 8, ["a"])["a"] for each in (exposed(model), exposed(other)))
        return float(np.square(before - after).mean())

    assert 0 < error(fitted) < 0.75 * error(nearest)


def exposed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with the value `a` among its outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.append(onnx.helper.make_empty_tensor_value_info("a"))
    return copy


def test_weights_on_the_left_and_large_ones_are_rounded_to_the_nearest() -> None:
    model = made("a = MatMul(w, x)", floats(8, 12, 3), (5, 12))
    axes = onnx2snn.SpikingModel(model).program.axes
    assert inputs_of_weights(model, {"x": floats(8, 12, 3)}, axes) == {}
    assert fit_integers(model, {"x": floats(8, 12, 3)}, axes) == (1, [])
